"""Releasing: frozen counts become drafts, two officers sign them, the log takes them, the border is told.

    with Desk.open(home, ask, clock) as desk:           # tallystick.node.desk.desk
        desk.draft(parse_period("2018"))
    ...                                                 # officers: read_draft, screen, sign_draft
    with Desk.open(home, ask, clock) as desk:
        desk.sync(); desk.publish()

``desk.db`` holds the only publication table (``publication``), its one state machine (``states``) and the sealed
evidence (``evidence``). ``folder``, ``showing`` and ``signing`` run on an officer's own computer, without a node.
"""
