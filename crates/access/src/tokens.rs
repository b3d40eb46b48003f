//! The tokens file: which token names whom. Only digests of tokens are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use simpang_proto::log::v1::Role;
use thiserror::Error;

use crate::Principal;
use crate::table::{role_name, role_of_name};

/// One `[[token]]` of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEntry {
    /// SHA-256 of the token, lower-case hexadecimal.
    pub sha256: String,
    /// Whom it names: an agent id, or a program.
    pub principal: String,
    /// `gateway`, `administrator` or `auditor`; empty for agents, whose roles their desk knows.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Desks it is good for; empty: all.
    #[serde(default)]
    pub desks: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<TokenEntry>,
}

/// A tokens file that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokensError {
    /// Not the TOML it should be; says line and key.
    #[error("the tokens file can't be read: {0}")]
    Syntax(String),
    /// An entry makes no sense.
    #[error("token of `{principal}`: {reason}")]
    Entry {
        /// Whom it names.
        principal: String,
        /// What is wrong.
        reason: String,
    },
}

/// All tokens, by digest.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    by_digest: BTreeMap<[u8; 32], Principal>,
}

impl Tokens {
    /// Reads the TOML text of a tokens file.
    ///
    /// # Errors
    /// When it is no such file, a digest is not 64 hexadecimal digits, a token names two principals, or a role is
    /// not one a token may give.
    pub fn parse(text: &str) -> Result<Self, TokensError> {
        let file: File = toml::from_str(text).map_err(|e| TokensError::Syntax(e.to_string()))?;
        Self::from_entries(file.token)
    }

    /// Takes entries made by a program.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_entries(entries: Vec<TokenEntry>) -> Result<Self, TokensError> {
        let mut by_digest = BTreeMap::new();
        for entry in entries {
            let wrong = |reason: String| TokensError::Entry { principal: entry.principal.clone(), reason };
            let mut digest = [0; 32];
            hex::decode_to_slice(&entry.sha256, &mut digest)
                .map_err(|_| wrong("`sha256` has to be 64 hexadecimal digits".into()))?;
            let roles = entry.roles.iter().map(|name| token_role(name).map_err(&wrong));
            let roles = roles.collect::<Result<Vec<_>, _>>()?;
            if let Some(Principal { name, .. }) = by_digest.get(&digest) {
                return Err(wrong(format!("the same token names `{name}` already: give each their own")));
            }
            by_digest.insert(digest, Principal { name: entry.principal, roles, desks: entry.desks });
        }
        Ok(Self { by_digest })
    }

    /// The digest to write into the file for a token.
    #[must_use]
    pub fn digest(token: &str) -> String {
        hex::encode(Sha256::digest(token.as_bytes()))
    }

    /// Whom a token names. Looked up by digest, so that timing tells nothing of the tokens there are.
    #[must_use]
    pub fn principal(&self, token: &str) -> Option<Principal> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        self.by_digest.get(&digest).cloned()
    }
}

fn token_role(name: &str) -> Result<Role, String> {
    let given = [Role::Gateway, Role::Administrator, Role::Auditor];
    role_of_name(name).filter(|r| given.contains(r)).ok_or_else(|| {
        let names: Vec<&str> = given.iter().map(|r| role_name(*r)).collect();
        format!(
            "a token can't give the role `{name}`, only {}; agents' roles stand in their desk",
            names.join(", ")
        )
    })
}
