# ruff: noqa: E501, PERF401 - tables of made-up cases read best as they would stand in a sheet
"""Made-up registers as agencies of the region keep them, with what each column really is; nobody in them exists."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from openpyxl import Workbook

__all__ = ["REGISTERS", "AgencyRegister", "workbook"]

Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True)
class AgencyRegister:
    """A file, and for each column the field that it is; an empty field means that it must not be taken."""

    name: str
    data: bytes
    truth: dict[str, str]
    rows: int
    encoding: str | None = None
    secrets: tuple[str, ...] = ()
    import_options: dict[str, str] = field(default_factory=dict)


def workbook(rows: Rows, *, title: str = "Лист1", merged: Sequence[str] = (), right_to_left: bool = False) -> bytes:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    sheet.sheet_view.rightToLeft = right_to_left
    for row in rows:
        sheet.append(list(row))
    for area in merged:
        sheet.merge_cells(area)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def text(rows: Rows, delimiter: str, encoding: str) -> bytes:
    return "\r\n".join(delimiter.join(map(str, row)) for row in rows).encode(encoding)


def russian_police() -> AgencyRegister:
    head = [
        "№ п/п",
        "№ дела",
        "Дата регистрации",
        "Сведения о потерпевшем",
        "",
        "",
        "",
        "Обвиняемый",
        "",
        "Вид эксплуатации",
        "Примечание",
    ]
    below = ["", "", "", "Ф.И.О.", "Пол", "Дата рождения", "Гражданство", "Ф.И.О.", "Пол", "", ""]
    names = ["Иванова Мария Петровна", "Токтогулова Айгүл", "Сидоров Олег Ильич", "Каримова Зухра", "Петрова Анна"]
    sexes, born = (
        ["жен.", "Ж", "муж.", "жeн.", "ж"],
        ["12.03.1998", "1998 г.р.", "05.06.87", "01.01.2004", "2001 г. р."],
    )
    lands, forms = (
        ["РФ", "Кыргызстан", "РФ, Казахстан", "Узбекистан", "РУз"],
        ["сексуальная", "трудовая эксплуатация", "труд", "попрошайничество", "сексуальная/попрошайничество"],
    )
    rows: list[list[Any]] = [
        ["РЕЕСТР потерпевших от торговли людьми"],
        ["по состоянию на 01.01.2024"],
        [],
        head,
        below,
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    ]
    for number in range(5):
        rows.append([number + 1, f"УД-{number + 10}/2023", date(2023, 2, number + 1), names[number], sexes[number], born[number], lands[number], "Злодеев Пётр", "м", forms[number], "без особенностей"])  # fmt: skip
    merged = ["A1:K1", "D4:G4", "H4:I4", *[f"{letter}4:{letter}5" for letter in "ABCJK"]]
    who = "Сведения о потерпевшем: "
    truth = {"№ п/п": "", "№ дела": "ext_CaseId", "Дата регистрации": "ext_RegistrationDate", who + "Ф.И.О.": "ext_FullName", who + "Пол": "prs_Gender", who + "Дата рождения": "prs_Birthdate", who + "Гражданство": "prs_Citizenship", "Обвиняемый: Ф.И.О.": "", "Обвиняемый: Пол": "", "Вид эксплуатации": "vic_TypeOfExploitation", "Примечание": "cco_CaseComment"}  # fmt: skip
    return AgencyRegister(
        "russian police", workbook(rows, title="Учёт", merged=merged), truth, 5, secrets=("Иванова", "Злодеев", "Айгүл")
    )


def kazakh_shelter() -> AgencyRegister:
    head = [
        "Рег. номер",
        "Фамилия",
        "Имя",
        "Пол",
        "Дата рожд.",
        "Гражданство",
        "Паспорт",
        "Дата поступления",
        "Год регистрации",
        "Кем направлена",
        "Страна эксплуатации",
        "Цвет папки",
    ]
    rows: list[list[Any]] = [head]
    for number in range(6):
        sex, land = (
            ["жен", "муж", "жен", "жен", "жен", "муж"][number],
            ["РК", "РК", "КР", "Узбекистан", "РК", "Таджикистан"][number],
        )
        rows.append([f"К-{number + 1}", "Ахметова", "Алия", sex, f"{number + 1:02}.05.9{number}", land, f"N0812345{number}", f"1{number}.02.2022", "2022", "полиция", "Казахстан", "синяя"])  # fmt: skip
    truth = dict(zip(head, ["ext_CaseId", "prs_SecondName", "prs_FirstName", "prs_Gender", "prs_Birthdate", "prs_Citizenship", "prs_IdentityNumber", "cas_IncomingReferralDate", "ext_RegistrationYear", "cas_ReferringOrganisation", "ext_CountryOfExploitation", ""], strict=True))  # fmt: skip
    return AgencyRegister(
        "kazakh shelter", text(rows, ";", "cp1251"), truth, 6, "cp1251", ("Ахметова", "Алия", "N08123")
    )


def turkish() -> AgencyRegister:
    head = [
        "Sıra No",
        "Dosya No",
        "Kayıt Tarihi",
        "Adı Soyadı",
        "Cinsiyeti",
        "Doğum Tarihi",
        "Uyruğu",
        "Sömürü Türü",
        "Medeni Hali",
        "Sorumlu Personel",
        "Kabul Tarihi",
        "Durum",
    ]
    rows: list[list[Any]] = [["İnsan Ticareti Mağdurları Kayıt Defteri"], head]
    for number in range(6):
        rows.append([number + 1, f"TR-2021-{number}", f"0{number + 1}.09.2021", "Ayşe Yılmaz", "KEKKKE"[number], date(1999, 4, number + 1), ["Özbekistan", "Türkmenistan", "Kırgızistan", "Suriye", "Özbekistan", "Afganistan"][number], ["Cinsel sömürü", "Zorla çalıştırma", "Cinsel sömürü", "Dilendirme", "İşgücü sömürüsü", "Zorla çalıştırma"][number], ["Bekar", "Evli", "Boşanmış", "Bekar", "Evli", "Bekar"][number], "Mehmet Demir", "15.09.2021", "1"])  # fmt: skip
    truth = dict(zip(head, ["", "ext_CaseId", "ext_RegistrationDate", "ext_FullName", "prs_Gender", "prs_Birthdate", "prs_Citizenship", "vic_TypeOfExploitation", "prs_MaritalStatus", "cas_CaseOwner", "cas_IncomingReferralDate", ""], strict=True))  # fmt: skip
    return AgencyRegister(
        "turkish", workbook(rows, title="Mağdurlar", merged=["A1:L1"]), truth, 6, secrets=("Ayşe", "Demir")
    )


def dari() -> AgencyRegister:
    head = [
        "ردیف",
        "نمبر دوسیه",
        "تاریخ ثبت",
        "اسم",
        "تخلص",
        "نام پدر",
        "جنسیت",
        "سن",
        "تابعیت",
        "نوع استثمار",
        "نمبر تماس",
        "رنگ",
    ]
    rows: list[list[Any]] = [["راجستر قضایای قاچاق انسان"], head]
    for number in range(5):
        rows.append([number + 1, f"۱۴۰۱/{number + 1}", f"۱۴۰۱/۰{number + 1}/۱۵", "زینب", "احمدی", "کریم", ["زن", "مرد", "دختر", "پسر", "زن"][number], ["۲۵", "۳۱ ساله", "۱۴", "۱۲", "۴۰"][number], ["افغانستان", "افغانستان", "پاکستان", "افغانستان", "ایران"][number], ["استثمار جنسی", "کار اجباری", "ازدواج اجباری", "گدایی", "کار اجباری"][number], "۰۷۰۰۱۲۳۴۵۶", "سرخ"])  # fmt: skip
    truth = dict(zip(head, ["", "ext_CaseId", "ext_RegistrationDate", "prs_FirstName", "prs_SecondName", "prs_MiddleName", "prs_Gender", "ext_AgeAtRegistration", "prs_Citizenship", "vic_TypeOfExploitation", "prs_MobilePhone", ""], strict=True))  # fmt: skip
    return AgencyRegister(
        "dari", workbook(rows, title="قضایا", merged=["A1:L1"], right_to_left=True), truth, 5, secrets=("زینب", "احمدی")
    )


def english_ngo() -> AgencyRegister:
    head = [
        "Case No.",
        "Registration date",
        "First name",
        "Surname",
        "Sex",
        "Age",
        "Nationality",
        "Country of exploitation",
        "Type of exploitation",
        "Phone",
        "Status",
        "Consent given",
        "Notes",
    ]
    rows: list[list[Any]] = [head]
    for number in range(6):
        rows.append([f"N{number}", f"{number + 13}/03/2022", "Jane", "Doe", "FMFFMF"[number], 20 + number, ["Kazakhstan", "NA", "Pakistan", "Türkiye", "UK", "Iran"][number], "Kazakhstan", ["Forced labour", "Sexual exploitation", "Labour", "Forced marriage", "Prostitution", "Begging"][number], "+7 701 000", "x", "Y", "a note"])  # fmt: skip
    truth = dict(zip(head, ["ext_CaseId", "ext_RegistrationDate", "prs_FirstName", "prs_SecondName", "prs_Gender", "ext_AgeAtRegistration", "prs_Citizenship", "ext_CountryOfExploitation", "vic_TypeOfExploitation", "prs_MobilePhone", "", "con_Consent", "cco_CaseComment"], strict=True))  # fmt: skip
    return AgencyRegister("english ngo", text(rows, ",", "utf-8-sig"), truth, 6, secrets=("Jane", "Doe", "+7 701"))


def tajik_uzbek() -> AgencyRegister:
    head = [
        "Рақами парванда",
        "Санаи қайд",
        "Ному насаб",
        "Ҷинс",
        "Соли таваллуд",
        "Шаҳрвандӣ",
        "Намуди истисмор",
        "Telefon raqami",
        "Manzil",
        "Давлати истисмор",
        "Вақт",
    ]
    rows: list[list[Any]] = [head]
    for number in range(5):
        rows.append([f"ТҶ-{number}", f"2020-1{number % 3}-05", "Саидова Гулнора", ["зан", "мард", "Зан", "ayol", "erkak"][number], str(1990 + number), ["Тоҷикистон", "Ӯзбекистон", "Тоҷикистон", "O'zbekiston", "Тоҷикистон"][number], ["Меҳнати маҷбурӣ", "Меҳнати маҷбурӣ", "истисмори ҷинсӣ", "гадоӣ", "majburiy mehnat"][number], "992900", "Душанбе", "Русия", "10:30"])  # fmt: skip
    truth = dict(zip(head, ["ext_CaseId", "ext_RegistrationDate", "ext_FullName", "prs_Gender", "ext_BirthYear", "prs_Citizenship", "vic_TypeOfExploitation", "prs_MobilePhone", "prs_MailingStreet", "ext_CountryOfExploitation", ""], strict=True))  # fmt: skip
    return AgencyRegister("tajik and uzbek", text(rows, "\t", "utf-16"), truth, 5, secrets=("Саидова",))


def like_ctdc() -> AgencyRegister:
    head = [
        "caseRef",
        "Case ID",
        "yearOfRegistration",
        "gender",
        "ageBroad",
        "majorityStatus",
        "citizenship",
        "isForcedLabour",
        "isSexualExploit",
        "isOtherExploit",
        "meansOfControlDebtBondage",
        "CountryOfExploitation",
    ]
    rows: list[list[Any]] = [head]
    for number in range(6):
        rows.append(["r", f"c{number}", 2019, ["Female", "Male"][number % 2], "18--20", "Adult", ["KG", "UZ"][number % 2], f"{number % 2}", f"{1 - number % 2}", "0", "1" if number else "", "KZ"])  # fmt: skip
    truth = dict(zip(head, ["", "ext_CaseId", "ext_RegistrationYear", "prs_Gender", "", "", "prs_Citizenship", "vic_TypeOfExploitation", "vic_TypeOfExploitation", "", "vic_MethodsOfControl", "ext_CountryOfExploitation"], strict=True))  # fmt: skip
    return AgencyRegister("like ctdc", text(rows, ",", "utf-8"), truth, 6)


def two_rows() -> AgencyRegister:
    head = ["Дело", "", "Потерпевший", "", "", "Дети потерпевшего", "", "Эксплуатация", ""]
    below = [
        "Номер дела",
        "Дата регистрации",
        "Фамилия",
        "Пол",
        "Возраст, лет",
        "Пол",
        "Дата рождения",
        "Страна эксплуатации",
        "Вид",
    ]
    rows: list[list[Any]] = [head, below]
    for number in range(5):
        rows.append([f"{number}-24", f"2{number}.01.2024", "Юсупова", "Ж" if number else "не указан", f"{20 + number} лет", "м", "01.02.2019", "Турция", "труд"])  # fmt: skip
    names = [
        "Дело: Номер дела",
        "Дело: Дата регистрации",
        "Потерпевший: Фамилия",
        "Потерпевший: Пол",
        "Потерпевший: Возраст, лет",
        "Дети потерпевшего: Пол",
        "Дети потерпевшего: Дата рождения",
        "Эксплуатация: Страна эксплуатации",
        "Эксплуатация: Вид",
    ]
    truth = dict(zip(names, ["ext_CaseId", "ext_RegistrationDate", "prs_SecondName", "prs_Gender", "ext_AgeAtRegistration", "", "", "ext_CountryOfExploitation", "vic_TypeOfExploitation"], strict=True))  # fmt: skip
    merged = ["A1:B1", "C1:E1", "F1:G1", "H1:I1"]
    return AgencyRegister("two rows", workbook(rows, merged=merged), truth, 5, secrets=("Юсупова",))


def kyrgyz() -> AgencyRegister:
    head = [
        "Иштин номери",
        "Катталган күнү",
        "Аты-жөнү",
        "Жынысы",
        "Туулган жылы",
        "Жарандыгы",
        "Эксплуатациянын түрү",
        "Эксплуатация өлкөсү",
        "Эскертүү",
    ]
    rows: list[list[Any]] = [head]
    for number in range(5):
        rows.append([f"КГ{number}", f"1{number}.11.2019", "Асанова Бермет", ["аял", "эркек"][number % 2], f"{1985 + number}-жыл" if number == 4 else str(1985 + number), "Кыргызстан", ["Мажбурлап эмгектендирүү", "Сексуалдык эксплуатация"][number % 2], ["Россия", "Түркия"][number % 2], ""])  # fmt: skip
    truth = dict(zip(head, ["ext_CaseId", "ext_RegistrationDate", "ext_FullName", "prs_Gender", "ext_BirthYear", "prs_Citizenship", "vic_TypeOfExploitation", "ext_CountryOfExploitation", "cco_CaseComment"], strict=True))  # fmt: skip
    return AgencyRegister("kyrgyz", text(rows, ";", "utf-8"), truth, 5, secrets=("Асанова",))


REGISTERS = tuple(
    made()
    for made in (russian_police, kazakh_shelter, turkish, dari, english_ngo, tajik_uzbek, like_ctdc, two_rows, kyrgyz)
)
