//! `simpang policy`: check a folder, compare it, put it on desks' logs.

mod diff;
mod mutate;
mod test;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use simpang_proto::admin::v1::{ApplyPolicyRequest, CreateDeskRequest, GetDeskRequest, PolicyFile};

use crate::cli::Policy;
use crate::client::{Client, refused, until_answered};
use crate::config::Config;
use crate::output;

pub(crate) use diff::last_rules;

pub(crate) async fn run(config: &Config, args: Policy) -> Result<ExitCode> {
    match args {
        Policy::Check { dir, desk, json } => check(&dir, desk.as_deref(), json.json),
        Policy::Test { dir, desk, json } => test::run(&dir, desk.as_deref(), json.json),
        Policy::Mutate { dir, json } => mutate::run(&dir, json.json),
        Policy::Diff(args) => Ok(diff::run(config, &args).await),
        Policy::Apply { dir, desk, server } => {
            let client = Client::of(config, &server).await?;
            let files = read_folder(&dir)?;
            for name in wanted(&files, desk.as_deref())? {
                let version = apply(&client, &name, &files).await?;
                output::line(format!("desk {name}: policy version {version} is in force"));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(dir: &Path, desk: Option<&str>, as_json: bool) -> Result<ExitCode> {
    let files = read_folder(dir)?;
    let (mut errors, mut warnings) = (0, 0);
    for name in wanted(&files, desk)? {
        let problems = match simpang_policy::compile(&name, &files) {
            Ok(compiled) => compiled.warnings,
            Err(problems) => problems,
        };
        for problem in &problems {
            let severity = format!("{:?}", problem.severity).to_lowercase();
            match severity.as_str() {
                "error" => errors += 1,
                _ => warnings += 1,
            }
            if as_json {
                output::json(&json!({
                    "desk": name, "severity": severity, "file": problem.file, "line": problem.line,
                    "column": problem.column, "message": problem.message,
                }));
            } else {
                output::line(format!("{severity}: {}/{problem} (desk {name})", dir.display()));
            }
        }
    }
    if !as_json {
        output::line(format!("{errors} errors, {warnings} warnings"));
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The policy of each desk, or of one.
fn compile_all(
    dir: &Path,
    files: &[(String, String)],
    desk: Option<&str>,
) -> Result<Vec<simpang_policy::Policy>> {
    let mut policies = Vec::new();
    for name in wanted(files, desk)? {
        match simpang_policy::compile(&name, files) {
            Ok(compiled) => policies.push(compiled.policy),
            Err(problems) => {
                let told: Vec<String> = problems.iter().map(|p| format!("{}/{p}", dir.display())).collect();
                bail!("the policy can't be used on desk {name}:\n{}", told.join("\n"))
            }
        }
    }
    Ok(policies)
}

/// The files of a policy folder that make the policy, by path, sorted: without its scenarios and its list of
/// requirements.
pub(crate) fn read_folder(dir: &Path) -> Result<Vec<(String, String)>> {
    let mut files = read_whole_folder(dir)?;
    files.retain(|(path, _)| {
        !path.starts_with(simpang_scenario::FOLDER) && path != simpang_scenario::requirements::FILE
    });
    Ok(files)
}

/// All files of a policy folder, by path, sorted.
fn read_whole_folder(dir: &Path) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("can't read the policy folder {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            if path.is_dir() {
                folders.push(path);
            } else if ["toml", "csv"].contains(&ending) {
                let text = read_text(&path)?;
                let inside = path.strip_prefix(dir).unwrap_or(&path);
                files.push((inside.to_string_lossy().into_owned(), text));
            }
        }
    }
    if files.is_empty() {
        bail!("{} holds no policy: no .toml file is in it", dir.display());
    }
    files.sort();
    Ok(files)
}

/// A file of a policy, which is UTF-8; what is not says where, and what to do.
fn read_text(path: &Path) -> Result<String> {
    let shown = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("can't read {shown}"))?;
    let read = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        anyhow!(
            "{shown}:{line}: this is not UTF-8: save the file as UTF-8 (a spreadsheet's \"CSV UTF-8\"), or convert it \
             with `iconv -f WINDOWS-1252 -t UTF-8`"
        )
    })?;
    Ok(read.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(read))
}

/// The desks of a policy: one file each in `desks/`.
fn wanted(files: &[(String, String)], desk: Option<&str>) -> Result<Vec<String>> {
    let name_of = |(path, _): &(String, String)| {
        let name = path.strip_prefix("desks/")?.strip_suffix(".toml")?;
        (!name.contains('/')).then(|| name.to_owned())
    };
    let all: Vec<String> = files.iter().filter_map(name_of).collect();
    match desk {
        None if all.is_empty() => bail!("the policy has no desk: there is no desks/<desk>.toml"),
        None => Ok(all),
        Some(desk) if all.iter().any(|d| d == desk) => Ok(vec![desk.to_owned()]),
        Some(desk) => bail!("the policy has no desk `{desk}`, only {}", all.join(", ")),
    }
}

async fn apply(client: &Client, desk: &str, files: &[(String, String)]) -> Result<u64> {
    let files = files.iter().map(|(path, text)| PolicyFile { path: path.clone(), text: text.clone() });
    let request = ApplyPolicyRequest {
        desk: desk.to_owned(),
        request_id: uuid::Uuid::now_v7().to_string(),
        files: files.collect(),
        version: 0,
        cites: String::new(),
    };
    let answer = client.admin().apply_policy(request).await.map_err(refused)?;
    Ok(answer.into_inner().version)
}

/// Makes the policy's desks and applies it to those that have none in force yet; gives those.
pub(crate) async fn apply_where_missing(client: &Client, files: &[(String, String)]) -> Result<Vec<String>> {
    let mut applied = Vec::new();
    for desk in wanted(files, None)? {
        let create = CreateDeskRequest { desk: desk.clone() };
        until_answered(async || client.admin().create_desk(create.clone()).await).await?;
        let asked = GetDeskRequest { desk: desk.clone() };
        let got = until_answered(async || client.admin().get_desk(asked.clone()).await).await?;
        let version = got.desk.map_or(0, |d| d.policy_version);
        if version == 0 {
            apply(client, &desk, files).await?;
            applied.push(desk);
        }
    }
    Ok(applied)
}

#[cfg(test)]
mod tests {
    use super::read_folder;

    #[test]
    fn a_file_that_is_not_utf_8_is_named_with_its_line_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lists.csv");
        std::fs::write(&path, b"handle\nmenteri\njos\xe9\n").unwrap();
        let told = read_folder(folder.path()).unwrap_err().to_string();
        assert!(told.starts_with(&format!("{}:3: this is not UTF-8: save", path.display())), "{told}");
    }

    #[test]
    fn a_file_may_begin_with_a_mark_of_its_byte_order() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("policy.toml"), "\u{feff}name = \"p\"\n").unwrap();
        assert_eq!(read_folder(folder.path()).unwrap()[0].1, "name = \"p\"\n");
    }
}
