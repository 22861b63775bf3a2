//! The longest chain of dependent calls of a first setup, call by call: what no schedule can do side by side.

use std::time::Duration;

use super::stage::Seen;

/// One call of the chain, and why it cannot come before the one above.
struct Call(&'static str, &'static str);

/// Until the agent begins. Each needs what the one above answered, or must not come before it.
const BEFORE: [Call; 22] = [
    // The survey: whose organisation, then what its project has.
    Call("GET", "project"),
    Call("GET", "queue"),
    // The look, longest for AWS: nothing is asked of an account before it is known to be the right one.
    Call("GetCallerIdentity", "account"),
    Call("GetOpenIDConnectProvider", "provider"),
    Call("GetRole", "role"),
    // The person has approved; each object is looked at again, written, looked at: a repository, a commit in it, a
    // pipeline of it, nobody else's access to that.
    Call("GET", "repository"),
    Call("POST", "repository"),
    Call("POST", "push"),
    Call("GET", "repository"),
    Call("GET", "refs"),
    Call("GET", "items"),
    Call("GET", "pipeline"),
    Call("POST", "pipeline"),
    Call("GET", "pipeline"),
    Call("GET", "pipeline"),
    Call("GET", "access-control"),
    Call("POST", "access-control"),
    Call("GET", "access-control"),
    // The handshake: earlier proofs, whether it can run, permission, run.
    Call("GET", "run"),
    Call("GET", "limits"),
    Call("PATCH", "grant"),
    Call("POST", "run"),
];

/// The agent does one task after the other, one for each environment.
const TASK: [Call; 4] = [
    Call("OPTIONS", ""),
    Call("POST", "oidctoken"),
    Call("AssumeRoleWithWebIdentity", "role"),
    Call("GetCallerIdentity", "account"),
];

/// Afterwards: what the run says of itself, what each task logged, and a last look. That it has ended is asked for while it
/// goes on, so the answer comes with its end.
const AFTER: [Call; 3] = [Call("GET", "run"), Call("GET", "log"), Call("GET", "run")];

/// How many calls the chain has; they are found among those that were seen, each after the answer to the one above.
pub fn length(seen: &[Seen], environments: usize, latency: Duration) -> usize {
    let tasks = std::iter::repeat_n(&TASK, environments).flatten();
    let chain: Vec<&Call> = BEFORE.iter().chain(tasks).chain(&AFTER).collect();
    let mut earliest = None;
    for (place, Call(method, kind)) in chain.iter().enumerate() {
        let link = seen.iter().find(|seen| {
            let is = seen.request.method == *method && seen.request.object.starts_with(kind);
            is && earliest.is_none_or(|earliest| seen.at >= earliest)
        });
        let link =
            link.unwrap_or_else(|| panic!("link {place} of the chain, {method} {kind}, is no link any more"));
        earliest = Some(link.at + latency);
    }
    chain.len()
}
