//! The table `[pipeline]` → `Deployment`.

use toml_edit::{Table, TableLike};

use super::keys::{self, Key};
use super::parse::required;
use super::reader::{Place, Reader, Wrong, shown};
use crate::domain::federation::{Deployment, Flow, Source, Tool, defaults};
use crate::domain::names::BranchPattern;

/// The pipeline that deploys. None: it is not wanted, or too much of it is wrong.
pub(super) fn pipeline(reader: &mut Reader<'_>, top_table: &Table, top: &Place) -> Option<Deployment> {
    let item = top_table.get("pipeline")?;
    let Some(table) = item.as_table_like() else {
        let key =
            Key { name: "pipeline", about: "", example: "{ repository = \"payments\", tool = \"cdk\" }" };
        reader.wrong_type(item, top, key, "a table");
        return None;
    };
    let place = Place { path: "pipeline".to_owned(), span: item.span().unwrap_or(0..0) };
    reader.unknown(table, &place, keys::DEPLOYMENT.map(|key| key.name));
    let repository: Option<Source> = required(reader, table, &place, keys::CODE);
    let tool: Option<Tool> = required(reader, table, &place, keys::TOOL);
    let flow: Flow = reader.name(table, &place, keys::FLOW).unwrap_or(Flow::Mapped);
    let name = reader.line(table, &place, keys::PIPELINE_NAME);
    let main = main_branch(reader, table, &place);
    let file = file(reader, table, &place);
    let queue = reader.line(table, &place, keys::QUEUE);
    let pipelines = reader.list(table, &place, keys::PIPELINES).unwrap_or_default();
    let reviewers = reviewers(reader, table, &place);
    let repository = repository?;
    let options = super::deploys::options(reader, table, &place, tool);
    Some(Deployment {
        name: name.unwrap_or_else(|| Deployment::default_name(&repository)),
        repository,
        file,
        tool: tool?,
        flow,
        main,
        queue,
        pipelines: pipelines.into_iter().map(|(name, _)| name).collect(),
        reviewers,
        options,
    })
}

fn main_branch(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> String {
    let key = keys::MAIN;
    let Some((text, span)) = reader.text(table, place, key) else { return defaults::MAIN.to_owned() };
    match text.parse::<BranchPattern>() {
        Ok(branch) if branch.prefix().is_none() => return branch.to_string(),
        _ => {}
    }
    let wrong = Wrong::new(format!("`{}` is no branch name", shown(text)), "write it as `main = \"main\"`");
    reader.wrong(&span, place.key(key.name), wrong.accepted("one branch, without refs/heads/ and without *"));
    defaults::MAIN.to_owned()
}

fn file(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> String {
    let key = keys::FILE;
    let Some((text, span)) = reader.text(table, place, key) else {
        return defaults::PIPELINE_FILE.to_owned();
    };
    let path = text.trim_start_matches('/');
    let parts = || path.split('/');
    let plain = |c: char| !c.is_control() && !"\\:*?\"<>|#%".contains(c);
    let fits = path.len() <= 200
        && (path.ends_with(".yml") || path.ends_with(".yaml"))
        && parts().all(|part| !part.is_empty() && part != "." && part != ".." && part != ".git")
        && path.chars().all(plain);
    if fits {
        return path.to_owned();
    }
    let wrong = Wrong::new(
        format!("`{}` is no path of a YAML file", shown(text)),
        format!("write it as `file = {}`", key.example),
    );
    let accepted = "a path inside the repository that ends in .yml or .yaml, without .. in it";
    reader.wrong(&span, place.key(key.name), wrong.accepted(accepted));
    defaults::PIPELINE_FILE.to_owned()
}

fn reviewers(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> u8 {
    let count = small_number(reader, table, place, keys::REVIEWERS, 0, 10);
    count.unwrap_or(defaults::REVIEWERS)
}

/// A whole number between two bounds. None: it is not there, or wrong and said.
pub(super) fn small_number(
    reader: &mut Reader<'_>,
    table: &dyn TableLike,
    place: &Place,
    key: Key,
    least: u8,
    most: u8,
) -> Option<u8> {
    let item = table.get(key.name)?;
    let Some(number) = item.as_integer() else {
        reader.wrong_type(item, place, key, "a whole number");
        return None;
    };
    let found = u8::try_from(number).ok().filter(|count| (least..=most).contains(count));
    if found.is_none() {
        let span = item.span().unwrap_or_else(|| place.span.clone());
        let fix = format!("write it as `{} = {}`", key.name, key.example);
        let wrong = Wrong::new(format!("{number} is outside {least} to {most}"), fix);
        reader.wrong(
            &span,
            place.key(key.name),
            wrong.accepted(format!("a whole number from {least} to {most}")),
        );
    }
    found
}
