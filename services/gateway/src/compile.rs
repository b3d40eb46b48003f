//! The one place where the gateway meets the policy compiler.

use simpang_policy::{Policy, Severity};
use simpang_proto::admin::v1 as api;
use simpang_proto::log::v1 as log;
use tonic::Status;

/// What the gateway has to know of a policy that compiles.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// The version its files state.
    pub(crate) version: u64,
    pub(crate) cites: String,
    pub(crate) accounts: Vec<log::Account>,
    /// Sorted.
    pub(crate) campaigns: Vec<String>,
    pub(crate) warnings: Vec<api::Problem>,
}

/// Compiles a desk's policy away from the threads that serve: a large one takes a while.
///
/// # Errors
/// INTERNAL when the compiler was stopped. The inner error is every problem there is.
pub(crate) async fn compile(
    desk: String,
    files: Vec<(String, String)>,
) -> Result<Result<Compiled, Vec<api::Problem>>, Status> {
    let compiling = tokio::task::spawn_blocking(move || match simpang_policy::compile(&desk, &files) {
        Ok(compiled) => Ok(taken(&compiled.policy, &compiled.warnings)),
        Err(problems) => Err(problems.iter().map(problem).collect()),
    });
    compiling.await.map_err(|error| Status::internal(format!("the policy compiler was stopped: {error}")))
}

fn taken(policy: &Policy, warnings: &[simpang_policy::Problem]) -> Compiled {
    let account = |rule: &simpang_policy::AccountRule| log::Account {
        channel: rule.channel.number(),
        account: rule.account.to_string(),
        aliases: rule.aliases.iter().map(ToString::to_string).collect(),
    };
    let mut campaigns: Vec<String> = policy.campaigns().iter().map(|form| form.name.to_string()).collect();
    campaigns.sort();
    Compiled {
        version: policy.version(),
        cites: policy.cites(),
        accounts: policy.accounts().iter().map(account).collect(),
        campaigns,
        warnings: warnings.iter().map(problem).collect(),
    }
}

fn problem(problem: &simpang_policy::Problem) -> api::Problem {
    let severity = match problem.severity {
        Severity::Error => api::Severity::Error,
        Severity::Warning => api::Severity::Warning,
    };
    api::Problem {
        file: problem.file.clone(),
        line: problem.line,
        column: problem.column,
        message: problem.message.clone(),
        severity: severity.into(),
    }
}
