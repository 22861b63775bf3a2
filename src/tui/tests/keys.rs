//! Random keys on the wizard's screens: never a panic, and the program can always be ended.

use crossterm::event::KeyCode;
use proptest::prelude::*;
use proptest::sample::select;

use super::asked::{Asked, dark};
use crate::tui::theme::{Palette, Theme};
use crate::wizard::Start;

#[derive(Debug, Clone)]
enum Hand {
    Key(KeyCode),
    Ctrl(char),
    Paste(String),
    Look(u16, u16),
}

fn hand() -> impl Strategy<Value = Hand> {
    let keys = vec![
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Backspace,
        KeyCode::Delete,
    ];
    let letters = "contoso ynavdp/jkhlG1277".chars().map(KeyCode::Char).collect::<Vec<_>>();
    prop_oneof![
        4 => select(keys).prop_map(Hand::Key),
        4 => select(letters).prop_map(Hand::Key),
        1 => select(vec!['a', 'u', 'w', 'r', 'n', 'k']).prop_map(Hand::Ctrl),
        1 => select(vec!["contoso", "arn:aws:iam::1:role/\n x", "", "\u{1b}[31m", "日本語", "a\nb\nc"])
            .prop_map(|text| Hand::Paste(text.to_owned())),
        2 => (1_u16..140, 1_u16..50).prop_map(|(width, height)| Hand::Look(width, height)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_the_wizard(hands in proptest::collection::vec(hand(), 0..60), far in any::<bool>(), ascii in any::<bool>()) {
        let theme = if ascii { Theme { palette: Palette::Mono, ascii: true } } else { dark() };
        let mut asked = match far {
            true => Asked::asking(theme, Start::default()).at_table(),
            false => Asked::new(theme),
        };
        for hand in hands {
            match hand {
                Hand::Key(code) => asked.press(code),
                Hand::Ctrl(letter) => asked.ctrl(letter),
                Hand::Paste(text) => asked.paste(&text),
                Hand::Look(width, height) => drop(asked.screen(width, height)),
            }
            asked.screen(80, 24);
        }
        asked.ctrl('c');
        asked.ctrl('c');
        prop_assert!(asked.program.is_over());
    }
}
