//! The API's enumerations have the names and numbers of the log's: the gateway passes them on as they stand.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::FileDescriptorSet;

fn enumerations(package: &str) -> BTreeMap<String, Vec<(String, i32)>> {
    let set = FileDescriptorSet::decode(simpang_proto::DESCRIPTORS).unwrap();
    let files = set.file.into_iter().filter(|file| file.package() == package);
    let enumerations = files.flat_map(|file| file.enum_type).map(|enumeration| {
        let values = enumeration.value.iter().map(|value| (value.name().to_owned(), value.number()));
        (enumeration.name().to_owned(), values.collect())
    });
    enumerations.collect()
}

#[test]
fn enumerations_of_the_same_name_agree() {
    let log = enumerations("simpang.log.v1");
    let mut compared = Vec::new();
    for package in ["simpang.agent.v1", "simpang.admin.v1"] {
        for (name, values) in enumerations(package) {
            if let Some(of_log) = log.get(&name) {
                assert_eq!(&values, of_log, "{package}.{name}");
                compared.push(name);
            }
        }
    }
    compared.sort();
    compared.dedup();
    assert_eq!(
        compared,
        [
            "Answered",
            "AssignedBy",
            "Channel",
            "OfferEnd",
            "Presence",
            "PullEnd",
            "Rejection",
            "ReplyKind",
            "Role",
            "SignOutReason",
            "UnassignedBy",
            "WaitingOn"
        ]
    );
}
