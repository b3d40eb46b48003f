//! What the columns of a list are, by the names people give them in English and Indonesian.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Phone,
    Name,
    Note,
    Criterion,
    Ticket,
    Key,
    Since,
    Zone,
    City,
    Other,
}

/// Header names in their normal form; the first column of a list that fits is taken, of phones all.
const NAMES: [(Column, &[&str]); 9] = [
    (
        Column::Phone,
        &[
            "phone",
            "phonenumber",
            "phoneno",
            "mobile",
            "mobilenumber",
            "mobilephone",
            "mobileno",
            "telephone",
            "tel",
            "telp",
            "tlp",
            "telepon",
            "telpon",
            "notelp",
            "notlp",
            "notelepon",
            "notelpon",
            "nomortelepon",
            "nomortelpon",
            "nohp",
            "nomorhp",
            "hp",
            "handphone",
            "nohandphone",
            "nomorhandphone",
            "ponsel",
            "noponsel",
            "nomorponsel",
            "nomor",
            "number",
            "contactnumber",
            "contactphone",
            "contactno",
            "cp",
            "nocp",
            "nomorcp",
            "msisdn",
            "wa",
            "nowa",
            "whatsapp",
            "nowhatsapp",
            "nomorwa",
            "kontak",
            "nokontak",
            "nomorkontak",
            "phone1",
            "phone2",
            "phone3",
            "hp1",
            "hp2",
            "nohp1",
            "nohp2",
            "telepon1",
            "telepon2",
            "telp1",
            "telp2",
            "homephone",
            "workphone",
            "telprumah",
            "teleponrumah",
            "altphone",
            "alternatephone",
        ],
    ),
    (
        Column::Name,
        &[
            "name",
            "nama",
            "fullname",
            "namalengkap",
            "customername",
            "customer",
            "namapelanggan",
            "pelanggan",
            "contactname",
            "namakontak",
            "namacp",
            "contact",
            "namacustomer",
        ],
    ),
    (
        Column::Note,
        &[
            "note",
            "notes",
            "keterangan",
            "ket",
            "catatan",
            "remark",
            "remarks",
            "comment",
            "deskripsi",
            "description",
        ],
    ),
    (
        Column::Criterion,
        &["criterion", "criteria", "kriteria", "alasan", "reason", "alasancallback", "kriteriacallback"],
    ),
    (
        Column::Ticket,
        &[
            "ticket",
            "tiket",
            "ticketid",
            "ticketno",
            "ticketnumber",
            "notiket",
            "nomortiket",
            "idtiket",
            "noticket",
            "incident",
            "incidentno",
            "noincident",
            "nolaporan",
            "nomorlaporan",
        ],
    ),
    (
        Column::Key,
        &[
            "rowkey",
            "row",
            "rowid",
            "key",
            "id",
            "custid",
            "customerid",
            "idpelanggan",
            "contactid",
            "recordid",
        ],
    ),
    (
        Column::Since,
        &[
            "waitingsince",
            "since",
            "sejak",
            "tanggal",
            "tgl",
            "date",
            "createdat",
            "created",
            "tanggallapor",
            "tgllapor",
            "tanggaltiket",
            "openedat",
            "waktu",
            "tanggalcallback",
        ],
    ),
    (Column::Zone, &["zone", "zona", "timezone", "tz", "zonawaktu"]),
    (
        Column::City,
        &[
            "city",
            "kota",
            "kabupaten",
            "kotakabupaten",
            "kabkota",
            "witel",
            "province",
            "provinsi",
            "propinsi",
        ],
    ),
];

/// The header row.
#[derive(Debug)]
pub(crate) struct Columns {
    headers: Vec<String>,
    kinds: Vec<Column>,
}

impl Columns {
    /// Reads the header row.
    pub(crate) fn read(header: &[String]) -> Self {
        let headers: Vec<String> = header.iter().map(|h| clean(h)).collect();
        let mut kinds: Vec<Column> = Vec::with_capacity(headers.len());
        for name in &headers {
            let kind = kind_of(name);
            let taken = kind != Column::Phone && kinds.contains(&kind);
            kinds.push(if taken { Column::Other } else { kind });
        }
        Self { headers, kinds }
    }

    pub(crate) fn len(&self) -> usize {
        self.kinds.len()
    }

    pub(crate) fn has(&self, column: Column) -> bool {
        self.kinds.contains(&column)
    }

    /// The cell of a column, cleaned; empty where a ragged row has none.
    pub(crate) fn value(&self, column: Column, fields: &[String]) -> String {
        self.values(column, fields).next().map(clean).unwrap_or_default()
    }

    /// The raw cells of all columns of a kind.
    pub(crate) fn values<'f>(&self, column: Column, fields: &'f [String]) -> impl Iterator<Item = &'f str> {
        let kinds = self.kinds.iter();
        kinds.zip(fields).filter(move |(kind, _)| **kind == column).map(|(_, field)| field.as_str())
    }

    /// Every cell that is not empty, with its header.
    pub(crate) fn attributes(&self, fields: &[String]) -> Vec<(String, String)> {
        let named = self.headers.iter().zip(fields).enumerate();
        named
            .filter(|(_, (_, field))| !field.trim().is_empty())
            .map(|(index, (header, field))| {
                let header = if header.is_empty() { format!("column {}", index + 1) } else { header.clone() };
                (header, clean(field))
            })
            .collect()
    }

    pub(crate) fn understood(&self) -> Vec<(String, &'static str)> {
        self.headers.iter().cloned().zip(self.kinds.iter().map(|k| label(*k))).collect()
    }
}

/// Whether this is what people call a column of phone numbers.
pub(crate) fn is_phone(header: &str) -> bool {
    kind_of(header) == Column::Phone
}

fn label(column: Column) -> &'static str {
    match column {
        Column::Phone => "phone",
        Column::Name => "name",
        Column::Note => "note",
        Column::Criterion => "criterion",
        Column::Ticket => "ticket",
        Column::Key => "row key",
        Column::Since => "waiting since",
        Column::Zone => "zone",
        Column::City => "place",
        Column::Other => "attribute",
    }
}

fn kind_of(header: &str) -> Column {
    let normal: String = header.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    NAMES.iter().find(|(_, names)| names.contains(&normal.as_str())).map_or(Column::Other, |(kind, _)| *kind)
}

/// A cell without hard blanks, byte-order marks and control characters around it, and Excel's leading apostrophe.
fn clean(cell: &str) -> String {
    let cell = cell.replace(['\u{a0}', '\u{feff}', '\u{202f}'], " ");
    let cell = cell.trim();
    let cell = cell.strip_prefix('\'').unwrap_or(cell);
    cell.chars().filter(|c| !c.is_control() || *c == '\n').collect::<String>().trim().to_owned()
}
