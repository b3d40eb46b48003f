"""Call lists as spreadsheets and people write them, each with the verdict on every row that its maker wrote down."""

from common import write

MISSING = "no phone number"
LOST = "the phone number lost digits in Excel (a form like 6.28E+12): format the column as text"
SERVICE = "the phone number is a short code or a service number, which a campaign does not call"
NOT_ONE = "not a valid phone number"


def yes(line, *phones, **more):
    return {"accepted": {"line": line, "phones": list(phones)} | more}


def no(line, reason):
    return {"invalid": {"line": line, "reason": reason}}


def again(line, of_line):
    return {"duplicate": {"line": line, "of_line": of_line}}


BUDI, SITI = "+6281234567890", "+6281398765432"


def separators():
    for word, sign in [("comma", ","), ("semicolon", ";"), ("tab", "\t"), ("bar", "|")]:
        rows = [["nama", "no hp"], ["Budi", "081234567890"], ["Siti", "081398765432"]]
        text = "\n".join(sign.join(row) for row in rows) + "\n"
        yield f"separator-{word}", text.encode(), [yes(2, BUDI, name="Budi"), yes(3, SITI, name="Siti")]
    yield "separator-named", b"sep=;\nnama;hp\nBudi;081234567890\n", [yes(3, BUDI, name="Budi")]
    yield "quoted-everything", b'"nama","hp"\n"Budi, S.","081234567890"\n', [yes(2, BUDI, name="Budi, S.")]
    yield "quoted-quote", b'nama,hp\n"Budi ""Bud"" S",081234567890\n', [yes(2, BUDI, name='Budi "Bud" S')]
    yield "quoted-line-break", b'nama,hp,catatan\nBudi,081234567890,"satu\ndua"\nSiti,081398765432,x\n', [
        yes(2, BUDI, note="satu\ndua"), yes(4, SITI)]
    yield "semicolons-with-commas-inside", b"nama;hp;catatan\nBudi;081234567890;satu, dua, tiga\n", [
        yes(2, BUDI, note="satu, dua, tiga")]
    yield "line-ends-windows", b"nama,hp\r\nBudi,081234567890\r\nSiti,081398765432\r\n", [yes(2, BUDI), yes(3, SITI)]
    yield "line-ends-mac", b"nama,hp\rBudi,081234567890\rSiti,081398765432", [yes(2, BUDI), yes(3, SITI)]
    yield "no-last-line-end", b"nama,hp\nBudi,081234567890", [yes(2, BUDI)]
    yield "blank-lines", b"\n\nnama,hp\n\nBudi,081234567890\n,\n\n", [yes(5, BUDI)]


def encodings():
    text = "nama,hp\nRené Çelik,081234567890\n"
    for name, codec in [("utf-8", "utf-8"), ("utf-8-bom", "utf-8-sig"), ("latin-1", "latin-1"), ("cp1252", "cp1252")]:
        yield f"encoding-{name}", text.encode(codec), [yes(2, BUDI, name="René Çelik")]
    # What Excel calls Unicode text.
    tabs = text.replace(",", "\t").replace("\n", "\r\n")
    yield "encoding-utf-16-le", b"\xff\xfe" + tabs.encode("utf-16-le"), [yes(2, BUDI, name="René Çelik")]
    yield "encoding-utf-16-be", b"\xfe\xff" + tabs.encode("utf-16-be"), [yes(2, BUDI, name="René Çelik")]
    yield "non-breaking-spaces", "nama,\u00a0No.\u00a0HP\u00a0\nBudi,0812\u00a03456\u00a07890\n".encode(), [yes(2, BUDI)]


def damage():
    cells = [
        ("0812-3456-7890", yes), ("+62 812 3456 7890", yes), ("62812-3456-7890", yes), ("81234567890", yes),
        ("'081234567890", yes), ('"=""081234567890"""', yes), ("+62 0812 3456 7890", yes), ("0062 812 3456 7890", yes),
        ("6281234567890.0", yes), ("６２８１２３４５６７８９０", yes), ("٠٨١٢٣٤٥٦٧٨٩٠", yes), ("wa.me/6281234567890", yes),
        ("https://wa.me/6281234567890?text=halo", yes), ("tel:+6281234567890", yes), ("(0812) 3456 7890", yes),
        ("0812.3456.7890", yes), ("HP: 081234567890", yes), ("6.281234567890E+12", yes),
        ("6.28E+11", LOST), ("6.28E+12", LOST), ("\"8,12E+10\"", LOST), ("", MISSING), ("-", MISSING), ("0", MISSING),
        ("NULL", MISSING), ("110", SERVICE), ("1500888", SERVICE), ("0800 1234 567", SERVICE), ("12", SERVICE),
        ("Budi", NOT_ONE), ("#N/A", NOT_ONE), ("#########", MISSING), ("99999999999999999999", NOT_ONE),
    ]
    for number, (cell, verdict) in enumerate(cells):
        expected = yes(2, BUDI) if verdict is yes else no(2, verdict)
        yield f"cell-{number:02}", f"id,nama,hp\nK1,Budi,{cell}\n".encode(), [expected]


def several():
    cells = [
        ("081234567890 / 081398765432", [BUDI, SITI]), ('"081234567890, 081398765432"', [BUDI, SITI]),
        ('"081234567890; 081398765432"', [BUDI, SITI]), ("081234567890 atau 081398765432", [BUDI, SITI]),
        ('"081234567890\n081398765432"', [BUDI, SITI]), ("081234567890 081398765432", [BUDI, SITI]),
        ("081234567890/081234567890", [BUDI]), ("12/081398765432", [SITI]), ("(021) 835-0123 ext 45", ["+62218350123"]),
        ("021/8350123", ["+62218350123"]), ("+65 6123 4567", ["+6561234567"]),
    ]
    for number, (cell, phones) in enumerate(cells):
        yield f"several-{number:02}", f"nama,hp\nBudi,{cell}\n".encode(), [yes(2, *phones)]


def rows():
    yield "ragged", b"nama,hp,kota\nBudi,081234567890\nSiti,081398765432,Bandung,lebih,lagi\n,\n", [
        yes(2, BUDI), no(3, "5 fields where the header has 3: quote fields that hold the separator")]
    yield "ragged-blank-cells", b"nama,hp,kota\nSiti,081398765432,Bandung,,,\n", [yes(2, SITI, zone="Asia/Jakarta")]
    yield "repeated", b"nama,hp\nBudi,081234567890\nSiti,081398765432\nBudi lagi,+62 812-3456-7890\n", [
        yes(2, BUDI), yes(3, SITI), again(4, 2)]
    yield "repeated-ids", b"id,hp\nK1,081234567890\nK1,081398765432\n", [yes(2, BUDI, key="given K1"), again(3, 2)]
    yield "headers-in-capitals", b"CUSTOMER NAME,Phone_Number,NO_TIKET\nBudi,081234567890,IN1\n", [
        yes(2, BUDI, name="Budi", ticket="IN1")]
    yield "title-above", b"Daftar Callback Agustus\n\nnama,hp\nBudi,081234567890\n", [yes(4, BUDI, name="Budi")]
    yield "total-below", b"nama,hp\nBudi,081234567890\nTotal,1\n", [yes(2, BUDI), no(3, SERVICE)]
    yield "places", "nama,hp,kota\nA,081234567890,Makassar\nB,081398765432,Jayapura\n".encode(), [
        yes(2, BUDI, zone="Asia/Makassar"), yes(3, SITI, zone="Asia/Jayapura")]
    yield "workbook-old", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 50, {
        "refused": 'the list is an old Excel workbook (XLS), not CSV: save it as "CSV UTF-8" and load that'}


def make():
    count = 0
    for name, content, expected in (s for maker in (separators, encodings, damage, several, rows) for s in maker()):
        write("calls", name, ".csv", content, ".expected.json", expected)
        count += 1
    return count
