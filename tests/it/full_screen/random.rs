//! Whatever is pressed, clicked, pasted, resized or told, in any order and size: nothing panics, and quitting is possible.

use crossterm::event::{
    Event as Input, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use keyless::config;
use keyless::domain::diagnose::matrix::{Caller, Claims, Column, Matrix, Row, Trust};
use keyless::domain::failure::{Code, Failure};
use keyless::domain::federation::Federation;
use keyless::domain::finding::{Finding, FindingCode};
use keyless::domain::policy::Document;
use keyless::plan::board::Board;
use keyless::plan::change::{Change, Plan, Verb};
use keyless::plan::event::{Event, Outcome, StepInfo, VERSION};
use keyless::tui::msg::{Effect, Ending, Examination, Job, Mapping, Msg, Opened};
use keyless::tui::program::{Begin, Program};
use keyless::tui::theme::{Palette, Theme};
use keyless::wizard::{
    self, AwsProfile, Found, FoundOrganization, FoundVerification, Handle, Identity, Start,
};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn federation(count: usize) -> Federation {
    let mut text = "organization = \"contoso\"\nproject = \"payments\"\n".to_owned();
    for at in 0..count {
        text.push_str(&format!(
            "\n[[environments]]\nname = \"team-{at}\"\naccount = \"{}\"\nregion = \"eu-west-1\"\nprotected = {}\nsign-in = {{ profile = \"contoso-{at}\" }}\n",
            100_000_000_000 + at,
            at % 3 == 2,
        ));
    }
    config::parse(&text, "test").unwrap()
}

fn begin(count: usize, practice: bool) -> Begin {
    let opened = Opened {
        practice: practice.then(|| "fresh".to_owned()),
        start: Start { signed_in: practice, practice, ..Start::default() },
        federation: (count > 0).then(|| federation(count)),
        own: practice,
        source: "keyless.toml".to_owned(),
        repeats: Default::default(),
        last: None,
    };
    Begin {
        theme: Theme { palette: Palette::Ansi, ascii: !practice },
        now: 1_790_000_000_000,
        open: practice.then(|| Some("fresh".to_owned())),
        opened: (count > 0).then_some(opened),
        interval: None,
        no_mouse: false,
    }
}

/// One thing that happens: a message, or the answer to what the program wanted.
#[derive(Debug, Clone)]
enum Happens {
    Input(Input),
    Resized(u16, u16),
    Later(u16),
    /// The oldest wish that was not answered is; `true`: well.
    Answered(bool),
    Signal,
}

fn key() -> impl Strategy<Value = Input> {
    let code = prop_oneof![
        6 => prop::char::range(' ', '~').prop_map(KeyCode::Char),
        2 => Just(KeyCode::Char('é')),
        1 => Just(KeyCode::Char('漢')),
        6 => Just(KeyCode::Enter),
        3 => Just(KeyCode::Esc),
        3 => Just(KeyCode::Tab),
        1 => Just(KeyCode::BackTab),
        2 => Just(KeyCode::Up),
        4 => Just(KeyCode::Down),
        1 => Just(KeyCode::Left),
        2 => Just(KeyCode::Right),
        1 => Just(KeyCode::PageDown),
        1 => Just(KeyCode::PageUp),
        1 => Just(KeyCode::Home),
        1 => Just(KeyCode::End),
        1 => Just(KeyCode::Backspace),
        1 => Just(KeyCode::Delete),
        1 => Just(KeyCode::F(5)),
    ];
    let held = prop_oneof![
        8 => Just(KeyModifiers::NONE),
        1 => Just(KeyModifiers::CONTROL),
        1 => Just(KeyModifiers::ALT),
        1 => Just(KeyModifiers::SHIFT),
    ];
    (code, held)
        // ctrl-c has a test of its own: here it would end almost every run at once.
        .prop_filter("ends", |(code, held)| {
            !(matches!(code, KeyCode::Char('c' | 'C')) && held.contains(KeyModifiers::CONTROL))
        })
        .prop_map(|(code, held)| Input::Key(KeyEvent::new(code, held)))
}

fn happens() -> impl Strategy<Value = Happens> {
    let mouse = (0..220_u16, 0..70_u16, 0..3_u8).prop_map(|(column, row, kind)| {
        let kind = match kind {
            0 => MouseEventKind::Down(MouseButton::Left),
            1 => MouseEventKind::ScrollUp,
            _ => MouseEventKind::ScrollDown,
        };
        Happens::Input(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
    });
    prop_oneof![
        20 => key().prop_map(Happens::Input),
        2 => mouse,
        1 => "[ -~\n\r\téß漢\u{202e}]{0,60}".prop_map(|text| Happens::Input(Input::Paste(text))),
        2 => (1..220_u16, 1..70_u16).prop_map(|(width, height)| Happens::Resized(width, height)),
        2 => any::<u16>().prop_map(Happens::Later),
        8 => any::<bool>().prop_map(Happens::Answered),
        1 => Just(Happens::Signal),
    ]
}

/// The program with those who would answer it.
struct Play {
    program: Program,
    wishes: Vec<Effect>,
    now: i64,
    size: (u16, u16),
}

impl Play {
    fn new(begin: Begin) -> Self {
        let now = begin.now;
        let (program, wishes) = Program::new(begin);
        Self { program, wishes, now, size: (80, 24) }
    }

    fn tell(&mut self, msg: Msg) {
        if !self.program.is_over() {
            let wishes = self.program.update(msg);
            self.wishes.extend(wishes);
        }
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.size.0, self.size.1));
        self.program.draw(&mut buffer);
    }

    fn key(&mut self, code: KeyCode, held: KeyModifiers) {
        self.tell(Msg::Input(Input::Key(KeyEvent::new(code, held))));
    }

    fn happen(&mut self, happens: Happens) {
        match happens {
            Happens::Input(input) => self.tell(Msg::Input(input)),
            Happens::Resized(width, height) => {
                self.size = (width, height);
                self.tell(Msg::Input(Input::Resize(width, height)));
            }
            Happens::Later(millis) => {
                self.now += i64::from(millis) * 100;
                self.tell(Msg::Now(self.now));
            }
            Happens::Answered(well) => {
                if !self.wishes.is_empty() {
                    let wish = self.wishes.remove(0);
                    answers(wish, well).into_iter().for_each(|msg| self.tell(msg));
                }
            }
            Happens::Signal => self.tell(Msg::Signal),
        }
    }
}

fn refused() -> Failure {
    Failure::new(Code::AwsDenied).with("operation", "iam:GetRole").with("request id", "0a1b-\u{1b}[2J")
}

fn plan() -> Plan {
    let change = |step: &str, name: &str, verb: Verb| Change {
        environments: vec![name.parse().unwrap()],
        verb,
        before: Some(serde_json::json!({"trust": {"sub": "sc://contoso/payments/aws-1"}})),
        after: Some(serde_json::json!({"trust": {"sub": "sc://contoso/payments/AWS-1"}})),
        writes: 1,
        asks: vec![keyless::plan::change::Ask::Foreign { what: "a role of Terraform".to_owned() }],
        ..Change::keep(step.parse().unwrap(), format!("role of {name}"), "because it is wanted")
    };
    Plan {
        changes: vec![
            change("role:100000000000/R", "team-0", Verb::Create),
            change("role:100000000001/R", "team-1", Verb::Update),
            change("provider:100000000001/vstoken.dev.azure.com", "team-1", Verb::Keep),
        ],
        blocked: Vec::new(),
    }
}

fn events(job: Job) -> Vec<Msg> {
    let step: keyless::domain::key::StepKey = "role:100000000000/R".parse().unwrap();
    let info = StepInfo {
        step: step.clone(),
        title: "role R".to_owned(),
        environments: vec!["team-0".parse().unwrap()],
    };
    let all = [
        Event::RunStarted {
            version: VERSION,
            command: "setup".to_owned(),
            federation: None,
            steps: vec![info],
        },
        Event::StepStarted { step: step.clone(), applying: true },
        Event::StepProgress { step, message: "waits for IAM".to_owned(), attempt: 3 },
        Event::Notice { text: "note\u{7}".to_owned() },
    ];
    all.into_iter().map(|event| Msg::Event { job, event: Box::new(event) }).collect()
}

fn found(effect: &wizard::Effect, well: bool) -> Option<wizard::Msg> {
    use wizard::Effect as E;
    let sad = || "it did not answer".to_owned();
    let (generation, found) = match effect {
        E::DiscoverOrganization { generation, organization, .. } => {
            let id = "7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34".parse().unwrap();
            let all = FoundOrganization { name: organization.clone(), id, operator: Some("Ada".to_owned()) };
            (*generation, Found::Organization(if well { Ok(all) } else { Err(sad()) }))
        }
        E::DiscoverProjects { generation, .. } => {
            let all = ["payments", "web"].map(|name| name.parse().unwrap()).to_vec();
            (*generation, Found::Projects(if well { Ok(all) } else { Err(sad()) }))
        }
        E::DiscoverVerification { generation, .. } => (
            *generation,
            Found::Verification(if well { Ok(FoundVerification::default()) } else { Err(sad()) }),
        ),
        E::DiscoverProfiles { generation } => {
            let profile = |at: usize| AwsProfile {
                name: format!("contoso-{at}"),
                region: "eu-west-1".parse().ok(),
                account: None,
                kind: "access key".to_owned(),
                broken: (at == 3).then(sad),
            };
            let all = ((0..12).map(profile).collect(), vec!["corp".to_owned()]);
            (*generation, Found::Profiles(if well { Ok(all) } else { Err(sad()) }))
        }
        E::IdentifyProfile { generation, profile } => {
            let all = Identity { account: "111122223333".parse().unwrap(), arn: String::new() };
            let identity = if well { Ok(all) } else { Err(sad()) };
            (*generation, Found::Identity { profile: profile.clone(), identity })
        }
        _ => return None,
    };
    Some(wizard::Msg::Discovered { generation, found })
}

/// Two connections against one role that admits everybody.
fn mapping() -> Mapping {
    let claims =
        Claims { issuer_host_path: "vstoken.dev.azure.com/7".to_owned(), audience: "aud".to_owned() };
    let row = |name: &str| Row {
        connection: name.to_owned(),
        environment: "team-0".parse().ok(),
        names: String::new(),
        caller: Caller::Token { subject: Some(format!("sc://contoso/payments/{name}")) },
    };
    let trust =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:*"}]}"#;
    let column = Column {
        role: "arn:aws:iam::100000000000:role/R".parse().unwrap(),
        environment: None,
        trust: Trust::Read(Document::parse(trust).unwrap()),
    };
    let matrix = Matrix::new(["AWS-0", "AWS-漢\u{7}"].map(row).to_vec(), vec![column], &claims);
    Mapping { federation: String::new(), matrix, failed: Vec::new(), incomplete: vec!["1".to_owned()] }
}

/// What may come of a wish.
fn answers(wish: Effect, well: bool) -> Vec<Msg> {
    match wish {
        Effect::Open { practice } => {
            let opened = begin(3, practice.is_some()).opened.map(Box::new);
            vec![Msg::Opened(opened.filter(|_| well).ok_or_else(refused))]
        }
        Effect::Keep(_) => vec![Msg::Wizard(wizard::Msg::Secret { handle: Handle(0) })],
        Effect::Look { round, environments } => environments
            .into_iter()
            .map(|environment| {
                let result = if well { Ok(std::sync::Arc::new(Board::default())) } else { Err(refused()) };
                Msg::Looked { environment, round, result }
            })
            .collect(),
        Effect::Prepare { job, .. } => {
            let mut all = events(job);
            all.push(Msg::Planned { job, result: if well { Ok(Box::new(plan())) } else { Err(refused()) } });
            all
        }
        Effect::CarryOut { job, .. } | Effect::Drop(job) => {
            let ending = Ending { outcome: Outcome::Done, failures: vec![refused()], leftovers: Vec::new() };
            let mut all = events(job);
            all.push(Msg::Ended { job, result: if well { Ok(ending) } else { Err(refused()) } });
            all
        }
        Effect::SavePlan { path, .. } => vec![Msg::PlanSaved(if well { Ok(path) } else { Err(refused()) })],
        Effect::Examine => vec![Msg::Examined(if well {
            let dev = "dev".parse().unwrap();
            let finding = Finding::about(&dev, FindingCode::TrustNoSub).differs("a", "b");
            Ok(Box::new(Examination { findings: vec![finding; 3], header: None }))
        } else {
            Err(refused())
        })],
        Effect::Map => vec![Msg::Mapped(if well { Ok(Box::new(mapping())) } else { Err(refused()) })],
        Effect::TakeInventory { everywhere } => {
            let result = if well { Ok(Box::default()) } else { Err(refused()) };
            vec![Msg::Inventory { everywhere, result }]
        }
        Effect::ReadHistory => vec![Msg::History(if well { Ok(Vec::new()) } else { Err(refused()) })],
        Effect::ReadCalls => vec![Msg::Calls(Vec::new())],
        Effect::Wizard(effect) => of_wizard(effect, well),
        _ => Vec::new(),
    }
}

fn of_wizard(effect: wizard::Effect, well: bool) -> Vec<Msg> {
    use wizard::Effect as E;
    let sad = || "it did not answer".to_owned();
    match &effect {
        E::SaveConfig { generation, .. } => {
            let result = if well { Ok("keyless.toml".to_owned()) } else { Err(sad()) };
            vec![Msg::Wizard(wizard::Msg::Saved { generation: *generation, result })]
        }
        E::MakePlan { generation, .. } => {
            let job = Job::Wizard(*generation);
            let mut all = events(job);
            all.push(Msg::Planned { job, result: if well { Ok(Box::new(plan())) } else { Err(refused()) } });
            let review = wizard::review::Review::of(&plan());
            let result = Box::new(if well { Ok(review) } else { Err(sad()) });
            all.push(Msg::Wizard(wizard::Msg::Reviewed { generation: *generation, result }));
            all
        }
        E::Apply { plan, generation, .. } => {
            let job = Job::Wizard(*plan);
            let mut all = events(job);
            let ended = wizard::Ended { stale: !well, lines: vec!["1 of 3 proven".to_owned()] };
            all.push(Msg::Wizard(wizard::Msg::Ended { generation: *generation, ended }));
            let outcome = if well { Outcome::Done } else { Outcome::Stale };
            let ending = Ending { outcome, failures: Vec::new(), leftovers: Vec::new() };
            all.push(Msg::Ended { job, result: Ok(ending) });
            all
        }
        _ => found(&effect, well).map(Msg::Wizard).into_iter().collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_quitting_is_possible(
        count in prop_oneof![Just(0_usize), Just(1), Just(3), Just(40)],
        practice in any::<bool>(),
        story in prop::collection::vec(happens(), 0..120),
    ) {
        let mut play = Play::new(begin(count, practice));
        for one in story {
            play.happen(one);
        }
        for _ in 0..12 {
            play.key(KeyCode::Esc, KeyModifiers::NONE);
        }
        play.key(KeyCode::Char('q'), KeyModifiers::NONE);
        play.key(KeyCode::Char('y'), KeyModifiers::NONE);
        prop_assert!(play.program.is_over(), "{} stays", play.program.screen());
    }

    #[test]
    fn ctrl_c_ends_it_from_anywhere(
        practice in any::<bool>(),
        story in prop::collection::vec(happens(), 0..80),
    ) {
        let mut play = Play::new(begin(3, practice));
        for one in story {
            play.happen(one);
        }
        // Stop, drop, and what comes of that; then it ends.
        for _ in 0..4 {
            play.key(KeyCode::Char('c'), KeyModifiers::CONTROL);
            while let Some(wish) = play.wishes.pop() {
                if matches!(wish, Effect::Drop(_)) {
                    answers(wish, true).into_iter().for_each(|msg| play.tell(msg));
                }
            }
        }
        prop_assert!(play.program.is_over(), "{} stays", play.program.screen());
    }
}
