//! The table of calls against the services there are.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use prost::Message;
use prost_types::FileDescriptorSet;
use simpang_access::Access;
use simpang_access::table::{TABLE, access, role_name, role_of_name};
use simpang_proto::log::v1::Role;

/// Reflection and health answer anyone who reaches the port: they tell what is published with the source anyway.
const OPEN_PACKAGES: [&str; 2] = ["grpc.health.v1", "grpc.reflection.v1"];

fn methods() -> BTreeSet<String> {
    let set = FileDescriptorSet::decode(simpang_proto::DESCRIPTORS).unwrap();
    let mut names = BTreeSet::new();
    for file in set.file.iter().filter(|f| !OPEN_PACKAGES.contains(&f.package())) {
        for service in &file.service {
            let of_method = |m: &prost_types::MethodDescriptorProto| {
                format!("{}.{}/{}", file.package(), service.name(), m.name())
            };
            names.extend(service.method.iter().map(of_method));
        }
    }
    names
}

#[test]
fn every_method_of_every_service_stands_in_the_table() {
    let methods = methods();
    assert!(methods.len() > 40, "only {} methods in the descriptors", methods.len());
    let missing: Vec<_> = methods.iter().filter(|m| access(m).is_none()).collect();
    assert!(missing.is_empty(), "nobody may call {missing:?}: say in the table who may");
}

#[test]
fn no_line_of_the_table_is_without_a_method() {
    let methods = methods();
    let idle: Vec<_> = TABLE.iter().map(|(name, _)| *name).filter(|name| !methods.contains(*name)).collect();
    assert!(idle.is_empty(), "no such methods: {idle:?}");
}

#[test]
fn the_table_is_sorted_and_names_each_method_once() {
    let out_of_order: Vec<_> = TABLE.windows(2).filter(|w| w[0].0 >= w[1].0).collect();
    assert!(out_of_order.is_empty(), "{out_of_order:?}");
}

#[test]
fn every_agent_method_is_left_to_the_core_and_every_admin_method_takes_an_administrator() {
    // What only reads is for whoever may read the desk: the core decides nothing of it.
    let reads = ["simpang.agent.v1.Agent/GetForms"];
    for (name, access) in TABLE {
        if reads.contains(name) {
            assert_eq!(
                Some(*access),
                simpang_access::table::access("simpang.view.v1.View/GetCase"),
                "{name}"
            );
        } else if name.starts_with("simpang.agent.v1.") {
            assert_eq!(*access, Access::Core, "{name}");
        }
        if name.starts_with("simpang.admin.v1.") {
            assert_eq!(*access, Access::Roles(&[Role::Administrator]), "{name}");
        }
    }
}

#[test]
fn nobody_but_token_holders_is_ever_let_in_and_no_role_list_is_empty() {
    for (name, access) in TABLE {
        if let Access::Roles(roles) = access {
            assert!(!roles.is_empty(), "{name} lets nobody in");
            assert!(!roles.contains(&Role::Unspecified), "{name}");
        }
    }
}

#[test]
fn a_method_that_is_not_in_the_table_has_no_access() {
    assert_eq!(access("simpang.agent.v1.Agent/Nothing"), None);
    assert_eq!(access(""), None);
}

#[test]
fn role_names_read_back() {
    for number in 1..=7 {
        let role = Role::try_from(number).unwrap();
        assert_eq!(role_of_name(role_name(role)), Some(role));
    }
    assert_eq!(role_of_name("unspecified"), None);
    assert_eq!(role_of_name("Agent"), None);
}
