//! The pipeline that deploys: presets and flows are tried, and the file follows.

use crossterm::event::KeyCode;

use super::draw::{press, screen, types};
use super::seen::{DARK, Stand, looked, names};
use crate::tui::msg::{Effect, TerminalEffect};

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
