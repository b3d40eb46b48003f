"""Mails in the charsets and transfer encodings that are in use, right ones and damaged ones."""

import base64
import quopri

from common import head

# Charset as labelled, Python's codec for it, and words that it can write.
CHARSETS = [
    ("us-ascii", "ascii", "Internet mati sejak pagi"),
    ("utf-8", "utf-8", "Tagihan naik 10 %, mohon dicek ya 🙏"),
    ("utf8", "utf-8", "Café déjà vu"),
    ("iso-8859-1", "latin-1", "Größe, naïve, señor"),
    ("latin1", "latin-1", "Überweisung für März"),
    ("iso-8859-2", "iso-8859-2", "Příliš žluťoučký kůň"),
    ("iso-8859-5", "iso-8859-5", "Не работает интернет"),
    ("iso-8859-7", "iso-8859-7", "Δεν λειτουργεί"),
    ("iso-8859-9", "iso-8859-9", "Şikâyet ığ"),
    ("iso-8859-15", "iso-8859-15", "Prix: 20 €, œuvre"),
    ("windows-1250", "cp1250", "Zażółć gęślą jaźń"),
    ("windows-1251", "cp1251", "Прошу проверить счёт"),
    ("windows-1252", "cp1252", "“Kutipan” – 5 € … ™"),
    ("windows-1253", "cp1253", "Καλημέρα σας"),
    ("windows-1254", "cp1254", "İnternet çalışmıyor ğ"),
    ("windows-1255", "cp1255", "שלום לכולם"),
    ("windows-1256", "cp1256", "مرحبا بكم"),
    ("windows-1257", "cp1257", "Ačiū už pagalbą"),
    ("windows-1258", "cp1258", "Xin chào"),
    ("koi8-r", "koi8-r", "Здравствуйте, модем не горит"),
    ("koi8-u", "koi8-u", "Добрий день, її немає"),
    ("iso-2022-jp", "iso2022_jp", "接続できません"),
    ("shift_jis", "shift_jis", "請求書を送ってください"),
    ("euc-jp", "euc_jp", "電話番号を変更"),
    ("euc-kr", "euc_kr", "인터넷이 안 됩니다"),
    ("ks_c_5601-1987", "euc_kr", "요금 문의"),
    ("gb2312", "gb2312", "网络故障"),
    ("gbk", "gbk", "請問帳單"),
    ("gb18030", "gb18030", "账单㐀𠀀错误"),
    ("big5", "big5", "帳單有誤"),
    ("tis-620", "tis-620", "อินเทอร์เน็ตใช้ไม่ได้"),
    ("windows-874", "cp874", "สวัสดีครับ"),
    ("macintosh", "mac-roman", "Déjà payé – merci"),
    ("utf-16", "utf-16", "Unicode enam belas"),
    ("utf-16le", "utf-16-le", "Tanpa tanda awal é"),
    ("utf-7", "utf-7", "Grüße £5"),
]

# Seven bits a byte, or nothing that a line may not hold.
SEVEN_BIT = {"us-ascii", "iso-2022-jp", "utf-7"}
NEEDS_BASE64 = {"utf-16", "utf-16le"}


def encoded(text, codec, how):
    content = (text + "\n").encode(codec)
    if how == "base64":
        return base64.encodebytes(content)
    if how == "quoted-printable":
        return quopri.encodestring(content)
    return content


def charset_mail(label, codec, text, how):
    word = f"=?{label}?B?{base64.b64encode(text.encode(codec)).decode()}?="
    id = f"{label}.{how}@cs.example"
    extra = [f'Content-Type: text/plain; charset="{label}"', f"Content-Transfer-Encoding: {how}"]
    return head(word, f"{word} <pelanggan@cs.example>", id, extra).encode() + b"\n" + encoded(text, codec, how), id


# Python has no codec of these names, or reads the label more strictly than mail programs write it.
PYTHON_LACKS = {"ks_c_5601-1987", "windows-874", "utf-16le", "utf-16", "tis-620"}


def charsets(mails):
    ways = ["8bit", "quoted-printable", "base64"]
    for number, (label, codec, text) in enumerate(CHARSETS):
        how = ways[number % 3]
        if label in NEEDS_BASE64:
            how = "base64"
        elif label in SEVEN_BIT and how == "8bit":
            how = "7bit"
        raw, id = charset_mail(label, codec, text, how)
        expected = {
            "kind": "New", "source_id": id, "full_text": text, "text": text, "subject": text, "from_name": text,
            "from_address": "pelanggan@cs.example", "malformed": None,
        }
        mails.add(f"charset-{label}", raw, expected, differs=("full_text", "subject", "from_name")
                  if label in PYTHON_LACKS else ())


def labels(mails):
    """Labels that are wrong, missing or unknown; the bytes decide (RFC 2045 leaves it open, people don't)."""
    table = [
        ("label-missing-utf8-bytes", "text/plain", "Terima kasih 🙏".encode(), "Terima kasih 🙏"),
        ("label-missing-1252-bytes", "text/plain", "Größe „x“".encode("cp1252"), "Größe „x“"),
        ("label-unknown", "text/plain; charset=x-unknown", "Déjà vu".encode(), "Déjà vu"),
        ("label-iso-utf-8", "text/plain; charset=iso-utf-8", "Déjà vu".encode(), "Déjà vu"),
        ("label-empty", 'text/plain; charset=""', "Déjà vu".encode(), "Déjà vu"),
        ("label-ascii-utf8-bytes", "text/plain; charset=us-ascii", "Rp10.000 – lunas".encode(), "Rp10.000 – lunas"),
        ("label-8859-1-with-1252-quotes", "text/plain; charset=iso-8859-1", "“halo” €".encode("cp1252"), "“halo” €"),
        ("label-in-capitals", "TEXT/PLAIN; CHARSET=UTF-8", "Déjà vu".encode(), "Déjà vu"),
        ("label-quoted-single", "text/plain; charset='utf-8'", "Déjà vu".encode(), "Déjà vu"),
        ("label-x-gbk", "text/plain; charset=x-gbk", "网络故障".encode("gbk"), "网络故障"),
        ("label-cp-1252", "text/plain; charset=cp1252", "5 €".encode("cp1252"), "5 €"),
        ("label-ansi-x3", "text/plain; charset=ANSI_X3.4-1968", b"halo saja", "halo saja"),
        ("label-unicode-1-1-utf-7", "text/plain; charset=unicode-1-1-utf-7", "Grüße".encode("utf-7"), "Grüße"),
    ]
    for name, media_type, content, text in table:
        raw = head("x", id=f"{name}@l.example", extra=[f"Content-Type: {media_type}"]).encode() + b"\n" + content
        mails.add(name, raw, {"full_text": text, "kind": "New"}, differs=("full_text",))
    bom = head("x", id="bom@l.example", extra=["Content-Type: text/plain; charset=utf-8"]).encode()
    mails.add("body-begins-with-bom", bom + b"\n\xef\xbb\xbfHalo", {"full_text": "Halo"}, differs=("full_text",))


def transfer(mails):
    """Transfer encodings as programs damage them."""
    long = "Pelanggan sudah menunggu sejak hari Senin dan belum ada teknisi yang datang ke rumah sampai sekarang."
    wrapped = "Pelanggan sudah menunggu sejak hari Senin dan belum ada teknisi yang =\ndatang ke rumah sampai sekarang."
    b64 = base64.b64encode("Terima kasih banyak é".encode()).decode()
    table = [
        # name, transfer encoding, body, text
        ("qp-soft-breaks", "quoted-printable", wrapped, long),
        ("qp-soft-break-with-blanks", "quoted-printable", "satu =  \ndua", "satu dua"),
        ("qp-lower-case-hex", "quoted-printable", "caf=c3=a9", "café"),
        ("qp-bare-equals", "quoted-printable", "a = b dan 1=1", "a = b dan 1=1"),
        ("qp-not-hex", "quoted-printable", "harga =ZZ tetap", "harga =ZZ tetap"),
        ("qp-ends-in-equals", "quoted-printable", "putus=", "putus"),
        ("qp-raw-eight-bit", "quoted-printable", "café =F0=9F=99=8F", "café 🙏"),
        ("qp-in-capitals", "QUOTED-PRINTABLE", "caf=C3=A9", "café"),
        ("cte-with-comment", "quoted-printable (dua)", "caf=C3=A9", "café"),
        ("b64-one-long-line", "base64", b64, "Terima kasih banyak é"),
        ("b64-no-padding", "base64", b64.rstrip("="), "Terima kasih banyak é"),
        ("b64-short-lines", "base64", "\n".join(b64[i:i + 4] for i in range(0, len(b64), 4)), "Terima kasih banyak é"),
        ("b64-blanks-inside", "base64", " ".join(b64[i:i + 6] for i in range(0, len(b64), 6)), "Terima kasih banyak é"),
        ("b64-blank-lines", "base64", f"\n\n{b64[:8]}\n\n{b64[8:]}\n\n", "Terima kasih banyak é"),
        ("cte-unknown", "x-rahasia", "teks biasa", "teks biasa"),
        ("cte-says-7bit", "7bit", "déjà vu", "déjà vu"),
        ("cte-empty", "", "teks biasa", "teks biasa"),
        ("cte-binary", "binary", "déjà vu", "déjà vu"),
    ]
    for name, how, body, text in table:
        extra = ["Content-Type: text/plain; charset=utf-8", f"Content-Transfer-Encoding: {how}"]
        raw = head("x", id=f"{name}@t.example", extra=extra) + "\n" + body + "\n"
        mails.add(name, raw, {"full_text": text, "kind": "New"}, differs=("full_text",))
    # What is no base64 is shown as it came: better than nothing.
    extra = ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64"]
    raw = head("x", id="b64-plain@t.example", extra=extra) + "\nIni bukan base64, ini teks biasa.\n"
    mails.add("b64-is-plain-text", raw, {"full_text": "Ini bukan base64, ini teks biasa.",
                                         "malformed_says": "not encoded as it says"}, differs=("full_text",))
    raw = head("x", id="b64-tail@t.example", extra=extra) + f"\n{b64}\n--\nIklan: ganti provider sekarang!\n"
    mails.add("b64-with-footer", raw, {"source_id": "b64-tail@t.example", "kind": "New"}, differs=("full_text",))


def make(mails):
    charsets(mails)
    labels(mails)
    transfer(mails)
