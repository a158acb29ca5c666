"""Whose keys: signers and passphrases, envelopes, cards, certificates, recovery shares, and the roster that names all.

    signer = load_signer("file:anna.pem", choose_secrets(Path("passphrase")))
    envelope = parse_envelope(assemble(payload, [sign_payload(payload, signer), another]))
    officers = verify_threshold(envelope, roster.state("KAZ").officers_for(index), roster.officer_threshold)

Private keys never leave ``signer``; key ids are recomputed from the keys wherever they are met; persons are counted,
not signatures. Nothing here reaches a case, a log or the wire.
"""
