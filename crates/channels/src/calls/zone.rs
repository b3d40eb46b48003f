//! The zone a contact lives in, for call windows: Indonesia has three, without summer time.

const WIB: &str = "Asia/Jakarta";
const WITA: &str = "Asia/Makassar";
const WIT: &str = "Asia/Jayapura";

/// The IANA zone of a zone's short name, an IANA name of Indonesia, a city or a province; nothing when it is not known.
#[must_use]
pub fn zone_of_place(place: &str) -> Option<&'static str> {
    let lower = place.trim().to_lowercase();
    let normal = ["kota ", "kabupaten ", "kab. ", "kab ", "provinsi ", "prov. "]
        .iter()
        .fold(lower.as_str(), |rest, prefix| rest.strip_prefix(prefix).unwrap_or(rest))
        .trim();
    [(WIB, &WIB_PLACES[..]), (WITA, &WITA_PLACES[..]), (WIT, &WIT_PLACES[..])]
        .into_iter()
        .find(|(_, places)| places.contains(&normal))
        .map(|(zone, _)| zone)
}

/// The zone of an Indonesian fixed line by its area code; a mobile number tells none.
pub(crate) fn zone_of_number(e164: &str) -> Option<&'static str> {
    let national = e164.strip_prefix("+62")?;
    let begins = |prefixes: &[&str]| prefixes.iter().any(|p| national.starts_with(p));
    if begins(&["36", "37", "38", "4", "511", "541", "542", "543", "548", "549", "551"]) {
        Some(WITA)
    } else if begins(&["9"]) {
        Some(WIT)
    } else if begins(&["2", "31", "32", "33", "34", "35", "536", "561", "6", "7"]) {
        Some(WIB)
    } else {
        None
    }
}

const WIB_PLACES: [&str; 65] = [
    "wib",
    "gmt+7",
    "utc+7",
    "+7",
    "+07:00",
    "asia/jakarta",
    "asia/pontianak",
    "jakarta",
    "jkt",
    "dki jakarta",
    "jakarta pusat",
    "jakarta selatan",
    "jakarta barat",
    "jakarta timur",
    "jakarta utara",
    "bandung",
    "bdg",
    "bogor",
    "depok",
    "tangerang",
    "tangerang selatan",
    "bekasi",
    "cirebon",
    "serang",
    "banten",
    "jawa barat",
    "semarang",
    "smg",
    "solo",
    "surakarta",
    "jawa tengah",
    "yogyakarta",
    "jogja",
    "jogjakarta",
    "di yogyakarta",
    "diy",
    "surabaya",
    "sby",
    "malang",
    "sidoarjo",
    "kediri",
    "jawa timur",
    "medan",
    "mdn",
    "sumatera utara",
    "padang",
    "sumatera barat",
    "pekanbaru",
    "riau",
    "batam",
    "kepulauan riau",
    "jambi",
    "palembang",
    "sumatera selatan",
    "bengkulu",
    "bandar lampung",
    "lampung",
    "pangkal pinang",
    "bangka belitung",
    "banda aceh",
    "aceh",
    "pontianak",
    "kalimantan barat",
    "palangkaraya",
    "kalimantan tengah",
];

const WITA_PLACES: [&str; 34] = [
    "wita",
    "gmt+8",
    "utc+8",
    "+8",
    "+08:00",
    "asia/makassar",
    "denpasar",
    "dps",
    "bali",
    "mataram",
    "nusa tenggara barat",
    "ntb",
    "kupang",
    "nusa tenggara timur",
    "ntt",
    "makassar",
    "mks",
    "sulawesi selatan",
    "manado",
    "sulawesi utara",
    "palu",
    "sulawesi tengah",
    "kendari",
    "sulawesi tenggara",
    "gorontalo",
    "mamuju",
    "sulawesi barat",
    "banjarmasin",
    "kalimantan selatan",
    "balikpapan",
    "bpn",
    "samarinda",
    "kalimantan timur",
    "kalimantan utara",
];

const WIT_PLACES: [&str; 17] = [
    "wit",
    "gmt+9",
    "utc+9",
    "+9",
    "+09:00",
    "asia/jayapura",
    "jayapura",
    "papua",
    "sorong",
    "manokwari",
    "papua barat",
    "merauke",
    "timika",
    "ambon",
    "maluku",
    "ternate",
    "maluku utara",
];

#[cfg(test)]
mod tests {
    use super::{zone_of_number, zone_of_place};

    #[test]
    fn places_and_area_codes_have_zones() {
        for (place, expected) in [
            ("WIB", Some("Asia/Jakarta")),
            (" Kota Bandung ", Some("Asia/Jakarta")),
            ("Kab. Malang", Some("Asia/Jakarta")),
            ("DENPASAR", Some("Asia/Makassar")),
            ("Asia/Jayapura", Some("Asia/Jayapura")),
            ("Springfield", None),
            ("", None),
        ] {
            assert_eq!(zone_of_place(place), expected, "{place}");
        }
        assert_eq!(zone_of_number("+62218350123"), Some("Asia/Jakarta"));
        assert_eq!(zone_of_number("+62361223344"), Some("Asia/Makassar"));
        assert_eq!(zone_of_number("+62967533333"), Some("Asia/Jayapura"));
        assert_eq!(zone_of_number("+6281234567890"), None);
        assert_eq!(zone_of_number("+16502530000"), None);
    }
}
