//! Checking and applying a policy.

use simpang_log::AppendError;
use simpang_proto::admin::v1 as api;
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{self as log};
use tonic::{Request, Status};

use super::AdminApi;
use crate::check::{self, Invalid};
use crate::command::judge;
use crate::compile::compile;
use crate::follower::Outcome;

pub(super) const CHECK: &str = "simpang.admin.v1.Admin/CheckPolicy";
pub(super) const APPLY: &str = "simpang.admin.v1.Admin/ApplyPolicy";

/// Files of one policy.
const FILES_MAX: usize = 200;
/// Bytes of all files: one input that fits a broker with its usual 1 MiB a message.
const BYTES_MAX: usize = 900 * 1024;
/// Errors that a refusal names; trailers have little room, and CheckPolicy lists all.
const ERRORS_SHOWN: usize = 10;

impl AdminApi {
    pub(super) async fn check(
        &self,
        request: Request<api::CheckPolicyRequest>,
    ) -> Result<api::CheckPolicyResponse, Status> {
        let (metadata, _, request) = request.into_parts();
        self.commands.enter(&metadata, CHECK, &request.desk)?;
        crate::desks::desk_name(&request.desk)?;
        let files = files(request.files)?;
        let response = match compile(request.desk, files).await? {
            Ok(compiled) => api::CheckPolicyResponse { usable: true, problems: compiled.warnings },
            Err(problems) => api::CheckPolicyResponse { usable: false, problems },
        };
        Ok(response)
    }

    pub(super) async fn apply(
        &self,
        request: Request<api::ApplyPolicyRequest>,
    ) -> Result<api::ApplyPolicyResponse, Status> {
        let deadline = self.commands.context.policy_deadline();
        let (metadata, _, request) = request.into_parts();
        let principal = self.commands.enter(&metadata, APPLY, &request.desk)?.name;
        let api::ApplyPolicyRequest { desk, request_id, files: given, version, cites } = request;
        check::request_id(&request_id)?;
        check::chars("cites", &cites, 0, 500)?;
        let files = files(given)?;
        let compiled =
            compile(desk.clone(), files.clone()).await?.map_err(|problems| uncompiled(&problems))?;
        let follower = self.commands.desks.get(&desk, deadline).await?;
        follower.reach(0, deadline).await?;
        let in_force = follower.inner().board.policy().0;
        let document = log::PolicyDocument {
            version: if version == 0 { compiled.version.max(in_force + 1) } else { version },
            files: files.into_iter().map(|(path, text)| log::PolicyFile { path, text }).collect(),
            applied_by: principal.clone(),
            cites: if cites.is_empty() { compiled.cites.clone() } else { cites },
        };
        let key = self.commands.key(&[&desk, "policy", &principal, &request_id]);
        let input = self.commands.input(&metadata, key, log::input::Body::Policy(document));
        let decided = follower.decide(input, deadline).await?;
        judge(&follower, &decided)?;
        let version = applied(&decided.outcome)?;
        // A late repeat must not bring back what no longer holds.
        if follower.inner().board.policy().0 == version {
            let told = self.commands.accounts.tell(follower.desk(), version, &compiled).await;
            told.map_err(|error| untold(&error))?;
        }
        Ok(api::ApplyPolicyResponse {
            position: decided.outcome.position,
            repeat: decided.repeat,
            version,
            problems: compiled.warnings,
        })
    }
}

/// The version that was applied.
fn applied(outcome: &Outcome) -> Result<u64, Status> {
    for event in &outcome.events {
        match &event.body {
            Some(Body::PolicyApplied(applied)) => return Ok(applied.version),
            Some(Body::PolicyRefused(refused)) => {
                return Err(Status::failed_precondition(format!(
                    "the desk refused it: {}",
                    shown(&refused.errors)
                )));
            }
            _ => {}
        }
    }
    Err(Status::internal("the desk judged the policy without saying what became of it"))
}

fn untold(error: &AppendError) -> Status {
    Status::unavailable(format!(
        "the policy is in force, but the directory could not be told the desk's accounts: {error}; send the same \
         request again, with the same request id"
    ))
}

fn uncompiled(problems: &[api::Problem]) -> Status {
    let errors = problems.iter().filter(|problem| problem.severity == i32::from(api::Severity::Error));
    let errors: Vec<String> =
        errors.map(|p| format!("{}:{}:{}: {}", p.file, p.line, p.column, p.message)).collect();
    Status::invalid_argument(format!("`files` do not compile: {}", shown(&errors)))
}

/// The first errors, and how many there are more.
fn shown(errors: &[String]) -> String {
    let more = errors.len().saturating_sub(ERRORS_SHOWN);
    let first = errors.iter().take(ERRORS_SHOWN).map(|error| error.chars().take(300).collect());
    let mut lines: Vec<String> = first.collect();
    if more > 0 {
        lines.push(format!("and {more} more: CheckPolicy lists all"));
    }
    lines.join("; ")
}

/// Files by path, sorted.
fn files(files: Vec<api::PolicyFile>) -> Result<Vec<(String, String)>, Invalid> {
    check::count("files", files.len(), 1, FILES_MAX)?;
    check::once("files", files.iter().map(|file| &file.path))?;
    let bytes: usize = files.iter().map(|file| file.path.len() + file.text.len()).sum();
    if bytes > BYTES_MAX {
        return Err(Invalid::new(
            "files",
            format!("have {bytes} bytes together, at most {BYTES_MAX} are taken"),
        ));
    }
    for file in &files {
        check::chars("files.path", &file.path, 1, 200)?;
        if file.path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            let reason = format!("`{}` is no path within a folder", file.path);
            return Err(Invalid::new("files.path", reason));
        }
    }
    let mut files: Vec<_> = files.into_iter().map(|file| (file.path, file.text)).collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> api::PolicyFile {
        api::PolicyFile { path: path.into(), text: text.into() }
    }

    #[test]
    fn files_stand_sorted_by_path() {
        let sorted = files(vec![file("b.toml", ""), file("a/b.toml", "")]).unwrap();
        assert_eq!(sorted[0].0, "a/b.toml");
    }

    #[test]
    fn files_that_are_none_or_too_much_are_refused() {
        let big = "x".repeat(BYTES_MAX);
        let table = [
            vec![],
            vec![file("", "")],
            vec![file("/etc/passwd", "")],
            vec![file("a/../b", "")],
            vec![file("a", ""), file("a", "")],
            vec![file("a", &big)],
            (0..=FILES_MAX).map(|i| file(&i.to_string(), "")).collect(),
        ];
        for row in table {
            assert!(files(row.clone()).is_err(), "{} files", row.len());
        }
    }

    #[test]
    fn a_refusal_shows_the_first_errors_and_counts_the_rest() {
        let errors: Vec<String> = (1..=12).map(|i| format!("e{i}")).collect();
        let text = shown(&errors);
        assert!(text.contains("e10; and 2 more"), "{text}");
        assert!(!text.contains("e11"));
    }
}
