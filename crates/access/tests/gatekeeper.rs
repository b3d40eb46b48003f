//! Tokens and the gatekeeper's verdicts.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::Cell;

use simpang_access::{Gatekeeper, TokenEntry, Tokens, TokensError};
use simpang_proto::log::v1::Role;
use tonic::Code;
use tonic::metadata::MetadataMap;

const ADMIN_CALL: &str = "simpang.admin.v1.Admin/GetDesk";
const COMMAND: &str = "simpang.agent.v1.Agent/Pull";
const EXPLAIN: &str = "simpang.audit.v1.Audit/Explain";

fn entry(token: &str, principal: &str, roles: &[&str], desks: &[&str]) -> TokenEntry {
    TokenEntry {
        sha256: Tokens::digest(token),
        principal: principal.into(),
        roles: roles.iter().map(|r| (*r).to_owned()).collect(),
        desks: desks.iter().map(|d| (*d).to_owned()).collect(),
    }
}

fn gatekeeper() -> Gatekeeper {
    let entries = vec![
        entry("agent-token", "sari", &[], &["tenesa"]),
        entry("admin-token", "root", &["administrator"], &[]),
        entry("door-token", "crm", &["gateway"], &[]),
    ];
    Gatekeeper::new(Tokens::from_entries(entries).unwrap())
}

fn bearing(header: &str) -> MetadataMap {
    let mut metadata = MetadataMap::new();
    metadata.insert("authorization", header.parse().unwrap());
    metadata
}

fn no_roles(_: &str) -> Vec<Role> {
    Vec::new()
}

#[test]
fn a_call_without_a_known_token_is_unauthenticated() {
    let keeper = gatekeeper();
    for metadata in [
        MetadataMap::new(),
        bearing("Bearer wrong"),
        bearing("Bearer "),
        bearing("agent-token"),
        bearing("Basic agent-token"),
    ] {
        let refused = keeper.authorise(&metadata, COMMAND, "tenesa", no_roles).unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{metadata:?}");
    }
}

#[test]
fn a_token_names_its_principal_whatever_the_case_of_the_scheme() {
    for header in ["Bearer agent-token", "bearer agent-token", "Bearer  agent-token "] {
        let principal = gatekeeper().authorise(&bearing(header), COMMAND, "tenesa", no_roles).unwrap();
        assert_eq!(principal.name, "sari");
    }
}

#[test]
fn a_token_opens_only_the_desks_it_is_good_for() {
    let metadata = bearing("Bearer agent-token");
    let refused = gatekeeper().authorise(&metadata, COMMAND, "telkomcare", no_roles).unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("telkomcare"), "{}", refused.message());
    assert!(gatekeeper().authorise(&bearing("Bearer admin-token"), COMMAND, "telkomcare", no_roles).is_ok());
}

#[test]
fn a_role_comes_from_the_token_or_from_the_desks_records() {
    let keeper = gatekeeper();
    assert!(keeper.authorise(&bearing("Bearer admin-token"), ADMIN_CALL, "tenesa", no_roles).is_ok());
    let agent = bearing("Bearer agent-token");
    let refused = keeper.authorise(&agent, EXPLAIN, "tenesa", |_| vec![Role::Agent]).unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("team-leader"), "says which role it takes: {}", refused.message());
    let asked = Cell::new(String::new());
    let roles = |name: &str| {
        asked.set(name.to_owned());
        vec![Role::TeamLeader]
    };
    assert!(keeper.authorise(&agent, EXPLAIN, "tenesa", roles).is_ok());
    assert_eq!(asked.take(), "sari");
}

#[test]
fn a_program_that_pushes_messages_administers_nothing() {
    let door = bearing("Bearer door-token");
    let refused = gatekeeper().authorise(&door, ADMIN_CALL, "tenesa", no_roles).unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(gatekeeper().authorise(&door, "simpang.ingest.v1.Ingest/Push", "", no_roles).is_ok());
}

#[test]
fn nobody_may_call_a_method_that_is_not_in_the_table() {
    let metadata = bearing("Bearer admin-token");
    let refused =
        gatekeeper().authorise(&metadata, "simpang.agent.v1.Agent/Nothing", "", no_roles).unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[test]
fn a_tokens_file_reads_as_written() {
    let text = format!(
        "[[token]]\nsha256 = \"{}\"\nprincipal = \"sari\"\ndesks = [\"tenesa\"]\n",
        Tokens::digest("agent-token")
    );
    let tokens = Tokens::parse(&text).unwrap();
    let principal = tokens.principal("agent-token").unwrap();
    assert_eq!((principal.name.as_str(), principal.desks.as_slice()), ("sari", &["tenesa".to_owned()][..]));
    assert_eq!(tokens.principal("other"), None);
    assert!(Tokens::parse("").is_ok(), "a file without tokens lets nobody in, and is a file");
}

#[test]
fn a_tokens_file_that_makes_no_sense_is_refused_with_the_reason() {
    let digest = Tokens::digest("t");
    let twice = "[[token]]\nsha256 = \"DIGEST\"\nprincipal = \"a\"\n".replace("DIGEST", &digest).repeat(2);
    let table: [(String, &str); 6] = [
        (twice, "the same token names `a` already"),
        ("[[token]]\nsha256 = 5".into(), "line 2"),
        ("[[tokens]]\n".into(), "tokens"),
        (format!("[[token]]\nsha256 = \"{digest}\"\nprincipal = \"a\"\nsecret = 1"), "secret"),
        ("[[token]]\nsha256 = \"abc\"\nprincipal = \"a\"".into(), "64 hexadecimal digits"),
        (
            format!("[[token]]\nsha256 = \"{digest}\"\nprincipal = \"a\"\nroles = [\"supervisor\"]"),
            "can't give",
        ),
    ];
    for (text, says) in table {
        let refused: TokensError = Tokens::parse(&text).unwrap_err();
        assert!(refused.to_string().contains(says), "{text}\n  {refused}");
    }
}
