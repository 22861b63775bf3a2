//! A handshake that failed, as people see it: the end of the set-up and the doctor name the same cause.

use crate::support::{Lab, Live};

use super::case::{folder, world};
use super::patch::patched;

/// Sets up in the healthy world with a fault; answers what the set-up and then the doctor say.
async fn said(fault: &str) -> [String; 2] {
    let text = std::fs::read_to_string(folder().join("healthy.toml")).unwrap();
    let lab = Lab::start(world(&patched(&text, fault).unwrap()).unwrap()).await;
    let live = Live::on(&lab);
    let setup = live.run(&["setup", "--yes", "--confirm", "prod"]).await.expect(1);
    let doctor = live.run(&["doctor", "dev"]).await.expect(1);
    [setup.out, doctor.out]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_handshake_is_named_by_setup_and_doctor_alike() {
    for (fault, code, words) in [
        ("+[agent]\n+http-proxy-only = true\n", "KL-PROXY-HTTPS", "https://sts.eu-west-1.amazonaws.com/"),
        ("+[tokens]\n+withheld = \"unknown\"\n", "KL-TOKEN-CONNECTION", "reading 'oidcToken'"),
    ] {
        for said in said(fault).await {
            assert!(said.contains(code) && said.contains(words), "{code}: {said}");
            assert!(
                !said.contains("KL-SECONDARY-ERROR") && !said.contains("exit code 255"),
                "{code}: {said}"
            );
        }
    }
}
