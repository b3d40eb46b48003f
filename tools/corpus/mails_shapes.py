"""Mails of every shape: headers as programs break them, and MIME structures."""

import base64

from common import head


def encoded_words(mails):
    b64 = lambda text, cs="utf-8": base64.b64encode(text.encode(cs)).decode()
    both = "Tagihan 🙏 salah".encode()
    table = [
        # name, field, subject
        ("word-q-underscores", "=?utf-8?Q?Tagihan_bulan_=C3=A9?=", "Tagihan bulan é"),
        ("word-lower-case-b", f"=?UTF-8?b?{b64('Café')}?=", "Café"),
        ("word-with-language", f"=?utf-8*id?B?{b64('Café')}?=", "Café"),
        ("words-joined", "=?utf-8?Q?satu?= =?utf-8?Q?_dua?=", "satu dua"),
        ("words-folded", "=?utf-8?Q?satu?=\n =?utf-8?Q?dua?=", "satudua"),
        ("word-beside-text", "Re: =?utf-8?Q?caf=C3=A9?= tutup", "Re: café tutup"),
        ("word-split-character", f"=?utf-8?B?{base64.b64encode(both[:10]).decode()}?= "
                                 f"=?utf-8?B?{base64.b64encode(both[10:]).decode()}?=", "Tagihan 🙏 salah"),
        ("word-unclosed", "=?utf-8?Q?putus", "=?utf-8?Q?putus"),
        ("word-empty", "=?utf-8?Q??= kosong", "kosong"),
        ("word-unknown-charset", "=?x-tidak-ada?Q?halo?=", "halo"),
        ("word-inside-text", "a=?utf-8?Q?b?=c", "abc"),
        ("word-with-blanks", "=?utf-8?Q?dua kata?=", "dua kata"),
        ("word-gb2312-with-gbk", f"=?gb2312?B?{base64.b64encode('帳單'.encode('gbk')).decode()}?=", "帳單"),
        ("subject-raw-utf8", "Tagihan é 🙏", "Tagihan é 🙏"),
        ("subject-folded-tab", "satu\n\tdua", "satu dua"),
        ("subject-empty", "", ""),
    ]
    for name, field, subject in table:
        raw = head(field, id=f"{name}@w.example") + "\nisi\n"
        mails.add(name, raw, {"subject": subject, "full_text": "isi", "kind": "New"}, differs=("subject",))


def senders(mails):
    table = [
        # name, field, name, address
        ("from-comment", "budi@b.example (Budi Santoso)", "Budi Santoso", "budi@b.example"),
        ("from-quoted-comma", '"Santoso, Budi" <budi@b.example>', "Santoso, Budi", "budi@b.example"),
        ("from-escaped-quote", r'"Budi \"Bud\" S" <budi@b.example>', 'Budi "Bud" S', "budi@b.example"),
        ("from-bare", "budi@b.example", "", "budi@b.example"),
        ("from-word-in-quotes", '"=?utf-8?Q?Caf=C3=A9?=" <kafe@b.example>', "Café", "kafe@b.example"),
        ("from-raw-utf8", "Café <kafe@b.example>", "Café", "kafe@b.example"),
        ("from-two", "Siti <siti@b.example>, Budi <budi@b.example>", "Siti", "siti@b.example"),
        ("from-no-close", "Budi <budi@b.example", "Budi", "budi@b.example"),
        ("from-folded", "Budi\n <budi@b.example>", "Budi", "budi@b.example"),
        ("from-unquoted-dot", "Budi S. Santoso <budi@b.example>", "Budi S. Santoso", "budi@b.example"),
        ("from-internationalised", "Käse <käse@bücher.example>", "Käse", "käse@bücher.example"),
        ("from-address-as-name", '"budi@b.example" <budi@b.example>', "budi@b.example", "budi@b.example"),
    ]
    for name, field, shown, address in table:
        raw = head("x", sender=field, id=f"{name}@f.example") + "\nisi\n"
        expected = {"from_name": shown, "from_address": address, "author": address.lower(), "full_text": "isi"}
        mails.add(name, raw, expected, differs=("from_name", "from_address"))
    raw = "Sender: Robot <robot@b.example>\nSubject: x\nMessage-ID: <sender@f.example>\n\nisi\n"
    mails.add("from-missing-sender-there", raw, {"from_address": "robot@b.example"})
    raw = "From: daftar: a@b.example, c@d.example;\nSubject: x\nMessage-ID: <group@f.example>\n\nisi\n"
    mails.add("from-group", raw, {"from_address": "a@b.example", "kind": "New"}, differs=("from_name",))


def headers(mails):
    plain = head("Biasa", id="h@h.example")
    expected = {"subject": "Biasa", "full_text": "isi", "source_id": "h@h.example", "malformed": None}
    table = [
        ("front-blank-lines", "\n\n" + plain + "\nisi\n"),
        ("front-blank-with-spaces", "   \n" + plain + "\nisi\n"),
        ("front-bom", "\ufeff" + plain + "\nisi\n"),
        ("front-mbox", "From budi@b.example Mon Aug  3 10:15:00 2026\n" + plain + "\nisi\n"),
        ("front-mbox-escaped", ">From budi@b.example Mon Aug  3 10:15:00 2026\n" + plain + "\nisi\n"),
        ("line-ends-crlf", (plain + "\nisi\n").replace("\n", "\r\n")),
        ("blank-before-colon", plain.replace("Subject:", "Subject :") + "\nisi\n"),
        ("field-names-in-capitals", plain.replace("Subject", "SUBJECT").replace("From", "FROM") + "\nisi\n"),
        ("junk-line-in-header", plain + "ini bukan field\nX-Lain: ya\n\nisi\n"),
    ]
    for name, raw in table:
        mails.add(name, raw, expected, differs="all")
    mails.add("subject-twice", head("satu", id="dua@h.example") + "Subject: dua\n\nisi\n", {"full_text": "isi"},
              python=("source_id",), differs=("subject",))
    mails.add("id-with-blanks", head("x") + "Message-ID:   <Ruang.1@h.example>  \n\nisi\n",
              {"source_id": "Ruang.1@h.example", "provides": ["Ruang.1@h.example"]})
    mails.add("id-folded", head("x") + "Message-ID:\n <lipat@h.example>\n\nisi\n", {"source_id": "lipat@h.example"})
    mails.add("id-without-brackets", head("x") + "Message-ID: telanjang@h.example\n\nisi\n",
              {"source_id": "telanjang@h.example"}, differs=("source_id",))
    mails.add("id-without-at", head("x") + "Message-ID: <20260803101500.1>\n\nisi\n",
              {"source_id": "20260803101500.1"}, differs=("source_id",))
    mails.add("id-missing", head("x") + "\nisi\n", {"source_id_begins": "sha256:", "full_text": "isi"})
    mails.add("id-empty", head("x") + "Message-ID: \n\nisi\n", {"source_id_begins": "sha256:"}, differs="all")
    mails.add("references-folded", head("Re: x", id="r@h.example", extra=[
        "In-Reply-To: <b@h.example>", "References: <a@h.example>", "\t<b@h.example>"]) + "\nisi\n",
        {"joins": ["b@h.example", "a@h.example"],
         "references": ["<a@h.example>", "<b@h.example>", "<r@h.example>"]})
    mails.add("reply-to-several", head("Re: x", id="s@h.example", extra=[
        "In-Reply-To: <a@h.example> <b@h.example>"]) + "\nisi\n", {"joins": ["b@h.example", "a@h.example"]})
    mails.add("references-own-id", head("Re: x", id="own@h.example", extra=[
        "References: <own@h.example> <a@h.example>"]) + "\nisi\n", {"joins": ["a@h.example"]})


def dates(mails):
    table = [
        ("date-rfc850", "Monday, 03-Aug-26 10:14:30 GMT", None),
        ("date-no-weekday", "3 Aug 2026 10:14:30 +0700", 1785726870000),
        ("date-zone-name", "Mon, 3 Aug 2026 03:14:30 GMT", 1785726870000),
        ("date-comment", "Mon, 3 Aug 2026 10:14:30 +0700 (WIB)", 1785726870000),
        ("date-no-seconds", "Mon, 3 Aug 2026 10:14 +0700", 1785726840000),
        ("date-nonsense", "kemarin sore", 0),
        ("date-month-13", "Mon, 3 Xxx 2026 10:14:30 +0700", 0),
    ]
    for name, field, at in table:
        expected = {"kind": "New", "full_text": "isi"} | ({} if at is None else {"sent_at_ms": at})
        mails.add(name, head("x", id=f"{name}@d.example", extra=[f"Date: {field}"]) + "\nisi\n", expected)


def part(media_type, content, *fields):
    return "".join([f"Content-Type: {media_type}\n", *(f"{f}\n" for f in fields), "\n", content, "\n"])


def multipart(kind, parts, boundary="batas", close=True, parameters=""):
    body = "".join(f"--{boundary}\n{p}" for p in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"{parameters}\n\n{body}' + (
        f"--{boundary}--\n" if close else "")


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n0123").decode()
PLAIN = "text/plain; charset=utf-8"


def structures(mails):
    def add(name, body, expected, sender_head=None, differs=()):
        raw = (sender_head or head("x", id=f"{name}@m.example")) + body
        mails.add(name, raw, {"kind": "New"} | expected, differs=differs)

    text = part(PLAIN, "Lihat lampiran")
    image = part("image/png; name=a.png", PNG, "Content-Transfer-Encoding: base64",
                 'Content-Disposition: attachment; filename="a.png"')
    add("alternative", multipart("alternative", [part(PLAIN, "polos"), part("text/html", "<p>kaya</p>")]),
        {"full_text": "polos", "html": "<p>kaya</p>", "attachments": []})
    add("html-only", part("text/html; charset=utf-8", "<p>Halo <b>dunia</b></p><p>kedua</p>"),
        {"full_text": "Halo dunia\n\nkedua", "attachments": []})
    related = multipart("related", [part("text/html", '<p>Logo <img src="cid:l"></p>'), part(
        "image/png", PNG, "Content-Transfer-Encoding: base64", "Content-ID: <l>", "Content-Disposition: inline; "
        "filename=logo.png")], "dalam")
    add("related-image", related, {"full_text": "Logo", "attachments": [["logo.png", "image/png", 12]]})
    add("mixed-alternative-related", multipart("mixed", [multipart("alternative", [
        part(PLAIN, "polos"), related], "alt"), image]),
        {"full_text": "polos", "attachment_names": ["logo.png", "a.png"]})
    add("no-closing-boundary", multipart("mixed", [text, image], close=False),
        {"full_text": "Lihat lampiran", "attachments": [["a.png", "image/png", 12]]})
    add("preamble-and-epilogue", multipart("mixed", [text]).replace("\n\n--", "\n\nIni MIME.\n\n--", 1) + "penutup\n",
        {"full_text": "Lihat lampiran", "attachments": []})
    add("boundary-with-signs", multipart("mixed", [text, image], "=_?:(a+b)/'x_.,="),
        {"full_text": "Lihat lampiran", "attachment_names": ["a.png"]})
    add("boundary-begins-another", multipart("mixed", [multipart("alternative", [text], "bb"), image], "b"),
        {"full_text": "Lihat lampiran", "attachment_names": ["a.png"]})
    add("part-without-header", multipart("mixed", ["\ntelanjang\n", image]),
        {"full_text": "telanjang", "attachment_names": ["a.png"]})
    add("multipart-without-parts", multipart("mixed", []), {"full_text": "", "attachments": []})
    add("empty-body", part(PLAIN, ""), {"full_text": "", "text": ""})
    add("two-texts", multipart("mixed", [part(PLAIN, "satu"), image, part(PLAIN, "dua")]),
        {"full_text": "satu\ndua", "attachment_names": ["a.png"]}, differs=("full_text",))
    add("text-attachment", multipart("mixed", [text, part(PLAIN, "catatan", "Content-Disposition: attachment; "
        "filename=catatan.txt")]), {"full_text": "Lihat lampiran", "attachments": [["catatan.txt", "text/plain", 7]]})
    add("calendar", multipart("alternative", [part(PLAIN, "Undangan"), part("text/calendar; method=REQUEST; "
        "charset=utf-8", "BEGIN:VCALENDAR\nEND:VCALENDAR")]),
        {"full_text": "Undangan", "attachment_names": ["attachment-1.ics"]})
    add("smime-signed", multipart("signed", [text, part("application/pkcs7-signature; name=smime.p7s", "MIIB",
        "Content-Transfer-Encoding: base64", "Content-Disposition: attachment; filename=smime.p7s")],
        parameters='; protocol="application/pkcs7-signature"; micalg=sha-256'),
        {"full_text": "Lihat lampiran", "attachments": [["smime.p7s", "application/pkcs7-signature", 3]]})
    add("smime-encrypted", part("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "MIIB",
        "Content-Transfer-Encoding: base64", "Content-Disposition: attachment; filename=smime.p7m"),
        {"full_text": "", "attachments": [["smime.p7m", "application/pkcs7-mime", 3]]})
    add("pgp-signed", multipart("signed", [text, part("application/pgp-signature; name=signature.asc", "-----BEGIN")],
        parameters='; protocol="application/pgp-signature"'),
        {"full_text": "Lihat lampiran", "attachment_names": ["signature.asc"]})
    add("pgp-encrypted", multipart("encrypted", [part("application/pgp-encrypted", "Version: 1"), part(
        "application/octet-stream; name=encrypted.asc", "-----BEGIN PGP MESSAGE-----")],
        parameters='; protocol="application/pgp-encrypted"'), {"full_text": "", "facts_include": {"attachments": 2}})
    add("tnef", multipart("mixed", [text, part("application/ms-tnef; name=winmail.dat", "eJ8+Ig==",
        "Content-Transfer-Encoding: base64", "Content-Disposition: attachment; filename=winmail.dat")]),
        {"full_text": "Lihat lampiran", "attachments": [["winmail.dat", "application/ms-tnef", 4]]})
    inner = "From: c@d.example\nSubject: Dalam\nMessage-ID: <dalam@d.example>\n\nIsi dalam\n"
    add("mail-in-mail", multipart("mixed", [text, part("message/rfc822", inner)]),
        {"full_text": "Lihat lampiran", "joins": [], "source_id": "mail-in-mail@m.example",
         "attachment_names": ["attachment-1.eml"]})
    deep = "Content-Type: message/rfc822\n\n" * 3 + inner
    add("mail-in-mail-thrice", deep, {"attachment_names": ["attachment-1.eml"], "joins": []})
    add("digest", multipart("digest", ["\n" + inner, "\n" + inner.replace("dalam@", "lain@")]),
        {"facts_include": {"attachments": 2}, "joins": []})
    add("partial", part('message/partial; id="x@y"; number=1; total=2', "potongan"), {"joins": []})
    add("external-body", multipart("mixed", [text, part('message/external-body; access-type=URL; '
        'URL="http://x.example/a"', "Content-Type: image/png")]), {"full_text": "Lihat lampiran"})
    add("type-without-subtype", part("text", "biasa"), {"full_text": "biasa"})
    add("type-nonsense", part("%%%", "biasa"), {"full_text": "biasa"})
    nested = part(PLAIN, "paling dalam")
    for level in range(20):
        nested = multipart("mixed", [nested], f"l{level}")
    add("twenty-levels", nested, {"full_text": "paling dalam"})
    add("flowed", part("text/plain; charset=utf-8; format=flowed; delsp=no", "baris yang \npanjang\nbaru"),
        {"full_text": "baris yang \npanjang\nbaru"})
    uu = "begin 644 a.txt\n#86)C\n`\nend"
    add("uuencoded-stays-text", part(PLAIN, f"Halo\n\n{uu}"), {"full_text": f"Halo\n\n{uu}", "attachments": []})


def names(mails):
    table = [
        ("name-rfc2231", "filename*=utf-8'id'bukti%20%C3%A9.png", "bukti é.png"),
        ("name-rfc2231-latin1", "filename*=iso-8859-1''caf%E9.png", "café.png"),
        ("name-rfc2231-continued", 'filename*0="bukti bayar"; filename*1=" juli.png"', "bukti bayar juli.png"),
        ("name-rfc2231-both", "filename=ascii.png; filename*=utf-8''%C3%A9.png", "é.png"),
        ("name-word", 'filename="=?utf-8?B?w6kucG5n?="', "é.png"),
        ("name-raw-utf8", 'filename="é.png"', "é.png"),
        ("name-with-path", r'filename="C:\\Temp\\a.png"', "a.png"),
        ("name-with-slashes", 'filename="../../etc/a.png"', "a.png"),
        ("name-with-blanks", 'filename="  foto rumah .png "', "foto rumah .png"),
        ("name-turned-round", 'filename="foto\u202egnp.exe"', "fotognp.exe"),
        ("name-missing", "", "attachment-1.png"),
        ("name-only-dots", 'filename=".."', "attachment-1.png"),
    ]
    for name, parameter, wanted in table:
        disposition = f"Content-Disposition: attachment; {parameter}".rstrip("; ")
        image = part("image/png", PNG, "Content-Transfer-Encoding: base64", disposition)
        raw = head("x", id=f"{name}@n.example") + multipart("mixed", [part(PLAIN, "isi"), image])
        mails.add(name, raw, {"attachments": [[wanted, "image/png", 12]], "full_text": "isi"})


def make(mails):
    encoded_words(mails)
    senders(mails)
    headers(mails)
    dates(mails)
    structures(mails)
    names(mails)
