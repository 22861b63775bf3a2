//! The pipeline that deploys: presets and flows are tried, and the file follows.

use crossterm::event::KeyCode;

use super::draw::{press, screen, types};
use super::seen::{DARK, Stand, looked, names};
use crate::domain::failure::{Code, Failure};
use crate::domain::federation::{Flow, Tool};
use crate::plan::event::Outcome;
use crate::tui::msg::{Command, Effect, Ending, Msg, OtherFile, PipelineWish, Placed, TerminalEffect};
use crate::tui::program::Program;

const CDK: PipelineWish = PipelineWish { tool: Tool::Cdk, flow: Flow::Mapped };

/// The screen, reached by its key.
fn at_pipeline() -> Program {
    let mut program = looked(DARK, &names(3), &[Stand::Proven]);
    types(&mut program, "P");
    assert_eq!(program.screen(), "Pipeline");
    program
}

fn other() -> OtherFile {
    let lines = ["@@ -1,1 +1,2 @@", "- trigger: none", "+ # Written by keyless", "+ trigger:"];
    OtherFile { name: "/work/azure-pipelines.yml".to_owned(), lines: lines.map(str::to_owned).to_vec() }
}

#[test]
fn the_palette_leads_to_the_file_and_it_follows_preset_and_flow() {
    let mut program = looked(DARK, &names(3), &[Stand::Proven]);
    types(&mut program, ":the file that deploys");
    press(&mut program, KeyCode::Enter);
    let shown = screen(&mut program, 100, 30);
    assert!(shown.contains("preset cdk  flow mapped"), "{shown}");
    assert!(shown.contains("# Written by keyless: preset cdk, flow mapped."), "{shown}");
    types(&mut program, "pf");
    let shown = screen(&mut program, 100, 30);
    assert!(shown.contains("# Written by keyless: preset terraform, flow trunk."), "{shown}");
    assert!(shown.contains("assumed: dev: deploy = { state-bucket ="), "{shown}");
    types(&mut program, " ");
    let scrolled = screen(&mut program, 100, 30);
    assert!(!scrolled.contains("# Written by keyless") && scrolled != shown, "{scrolled}");
    let copied = |effects: Vec<Effect>| match effects.into_iter().next() {
        Some(Effect::Terminal(TerminalEffect::Copy(text))) => text,
        other => panic!("{other:?}"),
    };
    let command = copied(types(&mut program, "x"));
    assert!(command.ends_with(" pipeline --preset terraform --flow trunk --pull-request"), "{command}");
    assert!(copied(types(&mut program, "c")).contains("- stage: deploy_prod"));
    // What only the person knows is named, with the key it stands under.
    types(&mut program, "p");
    assert!(screen(&mut program, 100, 30).contains("deploy = { app-id ="));
    assert!(types(&mut program, "c").is_empty(), "there is nothing to copy");
    press(&mut program, KeyCode::Esc);
    let shown = screen(&mut program, 100, 30);
    assert!(!shown.contains(" Pipeline  preset"), "{shown}");
}

#[test]
fn the_file_is_written_here_and_the_answers_are_kept_on_a_yes() {
    let mut program = at_pipeline();
    insta::assert_snapshot!("pipeline_screen_80x24", screen(&mut program, 80, 24));
    insta::assert_snapshot!("pipeline_screen_120x40", screen(&mut program, 120, 40));
    let effects = types(&mut program, "w");
    assert!(matches!(effects[..], [Effect::PlacePipeline { wish: CDK, beside: false }]), "{effects:?}");
    let result = Ok(Placed::Written("/work/azure-pipelines.yml".to_owned()));
    assert!(program.update(Msg::PipelinePlaced { wish: CDK, result }).is_empty(), "a yes comes first");
    assert!(screen(&mut program, 80, 24).contains("Save [pipeline] to keyless.toml"));
    let effects = types(&mut program, "y");
    assert!(matches!(effects[..], [Effect::SavePipeline(CDK)]), "{effects:?}");
    program.update(Msg::PipelineSaved(Ok("/work/keyless.toml".to_owned())));
    assert!(screen(&mut program, 80, 24).contains("[pipeline] is saved to /work/keyless.toml"));
    program.update(Msg::PipelineSaved(Err(Failure::new(Code::File).with("file", "/work/keyless.toml"))));
    assert!(screen(&mut program, 120, 24).contains("/work/keyless.toml"));
}

#[test]
fn another_file_is_shown_before_anything_is_done() {
    let mut program = at_pipeline();
    types(&mut program, "w");
    let placed = Placed::Other { other: other(), beside: "/work/azure-pipelines.keyless.yml".to_owned() };
    program.update(Msg::PipelinePlaced { wish: CDK, result: Ok(placed.clone()) });
    insta::assert_snapshot!("pipeline_difference_80x24", screen(&mut program, 80, 24));
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Pipeline", "nothing was done");
    program.update(Msg::PipelinePlaced { wish: CDK, result: Ok(placed.clone()) });
    let effects = types(&mut program, "n");
    assert!(matches!(effects[..], [Effect::PlacePipeline { wish: CDK, beside: true }]), "{effects:?}");
    program.update(Msg::PipelinePlaced { wish: CDK, result: Ok(placed) });
    let effects = types(&mut program, "o");
    let proposes =
        |effect: &Effect| matches!(effect, Effect::Prepare { command: Command::Pipeline(CDK), .. });
    assert!(effects.iter().any(proposes), "{effects:?}");
    assert_eq!(program.screen(), "Review");
}

#[test]
fn a_pull_request_goes_through_the_review_and_leads_back() {
    let mut program = at_pipeline();
    let effects = types(&mut program, "o");
    let job = effects.iter().find_map(|effect| match effect {
        Effect::Prepare { job, command: Command::Pipeline(CDK), environments } if environments.is_empty() => {
            Some(*job)
        }
        _ => None,
    });
    let job = job.unwrap_or_else(|| panic!("{effects:?}"));
    assert_eq!(program.screen(), "Review");
    // What the main branch holds is read before the plan.
    program.update(Msg::PipelineDiffers(other()));
    let shown = screen(&mut program, 80, 24);
    assert!(shown.contains("- trigger: none") && shown.contains("enter to the plan"), "{shown}");
    press(&mut program, KeyCode::Enter);
    assert_eq!(program.screen(), "Review");
    program.update(Msg::PipelinePage("https://dev.azure.com/contoso/pull/7".to_owned()));
    let ending = Ending { outcome: Outcome::Done, failures: Vec::new(), leftovers: Vec::new() };
    program.update(Msg::Ended { job, result: Ok(ending) });
    assert!(screen(&mut program, 80, 24).contains("Save [pipeline] to keyless.toml"));
    let effects = types(&mut program, "y");
    assert!(matches!(effects[..], [Effect::SavePipeline(CDK)]), "{effects:?}");
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Pipeline");
    let shown = screen(&mut program, 80, 24);
    assert!(shown.contains("pull request  https://dev.azure.com/contoso/pull/7"), "{shown}");
    let copied = types(&mut program, "u");
    let [Effect::Terminal(TerminalEffect::Copy(link))] = &copied[..] else { panic!("{copied:?}") };
    assert!(link.ends_with("/pull/7"));
}
