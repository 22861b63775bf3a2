//! Random keys, sizes and looks: nothing panics, every screen draws, and ctrl-c ends the program.

use crossterm::event::{
    Event as Input, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use proptest::prelude::*;

use super::draw::{buffer, press};
use super::seen::{DARK, Stand, fail, federation, look, looked, names, wait};
use crate::tui::msg::Msg;
use crate::tui::theme::{Palette, Theme};

#[derive(Debug, Clone)]
enum Does {
    Key(KeyCode),
    Click(u16, u16),
    Look(usize, Stand),
    Fail(usize),
    Wait(i64),
    Draw(u16, u16),
    Paste(String),
}

fn does() -> impl Strategy<Value = Does> {
    let letters = "svVtpRLHhjklgG/+-c?:woe1 fqrabnO";
    let letter = (0..letters.len()).prop_map(move |at| KeyCode::Char(char::from(letters.as_bytes()[at])));
    let named = prop::sample::select(vec![
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Enter,
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::PageDown,
        KeyCode::PageUp,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
        KeyCode::Tab,
    ]);
    let stand =
        prop::sample::select(vec![Stand::Proven, Stand::Unproven, Stand::Failed, Stand::Absent, Stand::Open]);
    prop_oneof![
        4 => letter.prop_map(Does::Key),
        6 => named.prop_map(Does::Key),
        2 => (0_u16..200, 0_u16..60).prop_map(|(x, y)| Does::Click(x, y)),
        1 => (0_usize..12, stand).prop_map(|(at, stand)| Does::Look(at, stand)),
        1 => (0_usize..12).prop_map(Does::Fail),
        1 => (0_i64..4000).prop_map(Does::Wait),
        3 => (1_u16..300, 1_u16..80).prop_map(|(width, height)| Does::Draw(width, height)),
        1 => "\\PC{0,12}".prop_map(Does::Paste),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_ctrl_c_ends(steps in prop::collection::vec(does(), 1..60), ascii: bool) {
        let theme = if ascii { Theme { palette: Palette::Mono, ascii } } else { DARK };
        let names = names(12);
        let answers = federation(&names);
        let mut program = looked(theme, &names, &[Stand::Proven, Stand::Failed, Stand::Open]);
        for step in steps {
            if program.is_over() {
                return Ok(());
            }
            match step {
                Does::Key(code) => drop(press(&mut program, code)),
                Does::Click(column, row) => {
                    let kind = MouseEventKind::Down(MouseButton::Left);
                    let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
                    program.update(Msg::Input(Input::Mouse(event)));
                }
                Does::Look(at, stand) => drop(look(&mut program, &answers, &names[at], stand)),
                Does::Fail(at) => drop(fail(&mut program, &names[at])),
                Does::Wait(seconds) => drop(wait(&mut program, seconds)),
                Does::Draw(width, height) => drop(buffer(&mut program, width, height)),
                Does::Paste(text) => drop(program.update(Msg::Input(Input::Paste(text)))),
            }
        }
        buffer(&mut program, 80, 24);
        // One for each screen that lies over another while a plan is made, and the last one ends it.
        for _ in 0..=2 * 60 {
            let stop = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
            program.update(Msg::Input(Input::Key(stop)));
        }
        prop_assert!(program.is_over());
    }
}
