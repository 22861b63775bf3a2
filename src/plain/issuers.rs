//! The inventory of issuers as text, and what is said while nothing is to be moved.

use time::OffsetDateTime;

use super::look::{Look, Paint, count};
use super::sheet::{Sheet, plain, span};
use crate::domain::issuer::Issuer;
use crate::domain::issuer_uses::{AccountUse, IssuerUse};
use crate::domain::move_issuer::Standing;

/// Which providers and trusts name which issuer.
pub fn inventory(uses: &[IssuerUse], look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    for known in uses {
        if known.issuer.is_empty() {
            sheet.line(&[span(Paint::Bad, "not looked at")]);
        } else {
            let present = if known.present { "  (the present one)" } else { "" };
            sheet.line(&[span(Paint::Strong, known.issuer.as_str()), plain(present)]);
        }
        if let Some(day) = &known.retires {
            sheet.text(2, &[plain(format!("announced to end on {day}"))]);
        }
        for account in &known.accounts {
            tell(&mut sheet, account);
        }
        sheet.gap();
    }
    if uses.is_empty() {
        sheet.line(&[plain("no account knows an OIDC provider, and no trust names one")]);
    }
    sheet.finish()
}

fn tell(sheet: &mut Sheet<'_>, account: &AccountUse) {
    if let Some(why) = &account.unknown {
        return sheet.text(2, &[plain(format!("{}: {why}", account.account))]);
    }
    let provider = match &account.provider {
        Some(_) => format!("provider for {}", account.audiences.join(", ")),
        None => "no provider, although trusts name it".to_owned(),
    };
    let trusts = count(account.trusts.len(), "trust statement", "trust statements");
    sheet.text(2, &[plain(format!("{}  {provider}; {trusts}", account.account))]);
    for trust in &account.trusts {
        let whose = trust.environment.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let sid = trust.sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
        let subjects =
            if trust.subjects.is_empty() { "no subject".to_owned() } else { trust.subjects.join(", ") };
        sheet.text(4, &[plain(format!("{whose}{}{sid}: {subjects}", trust.role))]);
    }
}

/// That nothing is to be moved, until when, and what will be done then.
pub fn stays(issuer: &Issuer, standings: &[Standing], now: OffsetDateTime, look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.text(0, &[span(Paint::Strong, "Nothing is to be moved.")]);
    sheet.text(0, &[plain(format!("The issuer in use is {issuer}."))]);
    let newest = standings.iter().filter_map(|standing| standing.observed.as_ref());
    match newest.max_by_key(|seen| seen.at.clone()) {
        Some(seen) => {
            let when = seen.at.as_deref().map(|at| format!(" ({})", super::verdicts::when(at, now)));
            sheet.text(
                0,
                &[plain(format!("The newest run got its token from it{}.", when.unwrap_or_default()))],
            );
        }
        None => sheet.text(0, &[plain("No run of the verification has shown a token yet.")]),
    }
    match issuer.retires() {
        Some(day) => {
            let left = (day - now.date()).whole_days();
            let days = |days: i64| count(usize::try_from(days).unwrap_or_default(), "day", "days");
            let text = match left {
                ..0 => format!("It was announced to end on {day}, {} ago.", days(-left)),
                0 => format!("It is announced to end today, {day}."),
                _ => format!("It is announced to end on {day}; {} left.", days(left)),
            };
            sheet.text(0, &[plain(text)]);
        }
        None => sheet.text(0, &[plain("No end of it is announced.")]),
    }
    sheet.gap();
    sheet.text(0, &[plain("When runs show another issuer, `keyless move-issuer` will")]);
    for step in [
        "add a provider for it in every account, and a second statement to every trust, with the subject and audience of a run;",
        "prove every environment with a run under the new claims;",
        "remove the first statement and, where no role names it any more, the old provider; until then `--back` takes it back;",
        "prove every environment once more, and put the issuer into keyless.toml.",
    ] {
        sheet.text(2, &[plain(format!("- {step}"))]);
    }
    sheet.finish()
}
