//! Who calls, and which calls they may make. A bearer token names a principal; what an agent may do on a desk follows
//! from the roles in that desk's own records, which the serving role knows. Commands are authorised by the core, all
//! other calls by the one table in [`table`]. Knows no case, no log and no policy.

pub mod table;
mod tokens;

use simpang_proto::log::v1::Role;
use tonic::Status;
use tonic::metadata::MetadataMap;

pub use table::Access;
pub use tokens::{TokenEntry, Tokens, TokensError};

/// Somebody who showed a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Agent id, or the name of a program.
    pub name: String,
    /// Roles that the token itself gives: only gateway, administrator and auditor; agents' come from their desk.
    pub roles: Vec<Role>,
    /// Desks the token is good for; empty: all.
    pub desks: Vec<String>,
}

impl Principal {
    /// Whether the token is good for this desk.
    #[must_use]
    pub fn may_enter(&self, desk: &str) -> bool {
        self.desks.is_empty() || self.desks.iter().any(|d| d == desk)
    }
}

/// Checks tokens and the table of calls.
#[derive(Debug, Clone)]
pub struct Gatekeeper {
    tokens: Tokens,
}

impl Gatekeeper {
    /// Lets in those who hold one of these tokens.
    #[must_use]
    pub fn new(tokens: Tokens) -> Self {
        Self { tokens }
    }

    /// Who calls, from `authorization: Bearer <token>`.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a token or with an unknown one.
    pub fn authenticate(&self, metadata: &MetadataMap) -> Result<Principal, Status> {
        let header = metadata.get("authorization").and_then(|v| v.to_str().ok()).ok_or_else(|| {
            Status::unauthenticated("no token: send the metadata `authorization: Bearer <token>`")
        })?;
        let token = header.strip_prefix("Bearer ").or_else(|| header.strip_prefix("bearer "));
        token.and_then(|t| self.tokens.principal(t.trim())).ok_or_else(|| {
            Status::unauthenticated("unknown token: ask an administrator for one, or see the tokens file")
        })
    }

    /// Lets the caller make this call on this desk (empty: on none), given the roles that the desk's own records give
    /// them. `method` is `package.Service/Method`.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` as [`Self::authenticate`]; `PERMISSION_DENIED` when token or roles do not allow it, and for
    /// a method that is not in the table.
    pub fn authorise(
        &self,
        metadata: &MetadataMap,
        method: &str,
        desk: &str,
        desk_roles: impl FnOnce(&str) -> Vec<Role>,
    ) -> Result<Principal, Status> {
        let principal = self.authenticate(metadata)?;
        if !desk.is_empty() && !principal.may_enter(desk) {
            return Err(Status::permission_denied(format!("this token is not good for desk {desk}")));
        }
        match table::access(method) {
            None => Err(Status::permission_denied(format!("nobody may call {method}"))),
            Some(Access::Core | Access::Anybody) => Ok(principal),
            Some(Access::Roles(allowed)) => {
                let holds = |role: &Role| allowed.contains(role);
                if principal.roles.iter().any(holds) || desk_roles(&principal.name).iter().any(holds) {
                    return Ok(principal);
                }
                let names: Vec<&str> = allowed.iter().map(|r| table::role_name(*r)).collect();
                Err(Status::permission_denied(format!(
                    "{} may not call {method}: it takes the role {}",
                    principal.name,
                    names.join(" or ")
                )))
            }
        }
    }
}
