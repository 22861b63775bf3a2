//! ID tokens for running jobs, and the event by which an agent says that its job is over.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Op, Place, endpoints, permissions, projects, runs, timeline};
use crate::sandbox::entra::tenant;
use crate::sandbox::wire::{Call, Caller, Failure, Reply};
use crate::sandbox::world::{TokenIssuer, Withheld};
use crate::sandbox::{Ground, issuer};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "69a319f4-28c1-4bfd-93e6-ea0ff5c6f1a2",
        area: "distributedtask",
        resource: "oidctoken",
        template: "{scopeIdentifier}/_apis/{area}/hubs/{hubName}/plans/{planId}/jobs/{jobId}/{resource}",
        version: 1,
        oldest: "7.1",
        // Released by its row, and asked for with -preview by the toolkit: both work.
        released: true,
        methods: &[Op::read("POST", "oidctoken {serviceConnectionId}", create)],
    },
    Place {
        id: "557624af-b29e-4c20-8ab0-0399d2204f3f",
        area: "distributedtask",
        resource: "events",
        template: "{scopeIdentifier}/_apis/{area}/hubs/{hubName}/plans/{planId}/{resource}",
        version: 1,
        oldest: "2.0",
        released: true,
        methods: &[Op::write("POST", "job-event", event)],
    },
];

/// Audience of every ID token for a service connection.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// A job that an agent works on. Table `job`, by id; the table `job-token` finds it by its access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id (a GUID), also the id of its record.
    pub id: String,
    /// The run's number.
    pub run: u64,
    /// The run's plan.
    pub plan: String,
    /// The project's id.
    pub project: String,
    /// The pipeline's number.
    pub pipeline: u64,
    /// Its access token.
    pub token: String,
    /// Ids of the connections its steps name.
    pub connections: Vec<String>,
    /// How an agent outside said it ended.
    pub result: Option<timeline::Outcome>,
}

/// A job that is held for an agent outside, as `sandbox serve` tells it.
pub fn held(ground: &Ground) -> Vec<Job> {
    ground.store.list("job", "").into_iter().map(|(_, job)| job).collect()
}

fn of_call(call: &Call) -> Result<(projects::Project, Job), Failure> {
    let project = projects::of_call(call)?;
    let plan = call.route("planId").unwrap_or_default();
    let Some(Caller::Job(id)) = &call.caller else {
        return Err(Failure::denied("Only the access token of the job itself may be used here."));
    };
    let job: Option<Job> = call.ground.store.get("job", id);
    job.filter(|job| job.plan.eq_ignore_ascii_case(plan) && job.project == project.id)
        .map(|job| (project, job))
        .ok_or_else(|| {
            Failure::new(
                404,
                "Microsoft.TeamFoundation.DistributedTask.WebApi",
                "TaskOrchestrationPlanNotFoundException",
                format!("No plan found for identifier {plan}."),
            )
        })
}

fn create(call: &Call) -> Result<Reply, Failure> {
    let ground = &call.ground;
    let (project, job) = of_call(call)?;
    if !call.route("jobId").is_some_and(|id| id.eq_ignore_ascii_case(&job.id)) {
        return Err(Failure::denied("The access token belongs to another job."));
    }
    let organization = &ground.world.organization;
    withheld(call)?;
    let subject = match call.query("serviceConnectionId") {
        Some(id) => {
            let refused = || {
                Failure::new(
                    400,
                    "Microsoft.TeamFoundation.DistributedTask.WebApi",
                    "OidcTokenException",
                    format!("There is no explicit reference to service connection {id} from current stage."),
                )
            };
            let referenced = job.connections.iter().any(|known| known.eq_ignore_ascii_case(id));
            let connection = endpoints::by_id(ground, id).filter(|_| referenced).ok_or_else(refused)?;
            let allowed = permissions::allows(ground, &project.id, "endpoint", &connection.id, job.pipeline);
            let share = connection.share(&project.id).filter(|_| allowed && !connection.disabled);
            let name = &share.ok_or_else(refused)?.name;
            match issuer::now(ground) {
                TokenIssuer::AzureDevops => format!("sc://{}/{}/{name}", organization.name, project.name),
                TokenIssuer::Entra => entra_subject(ground, &connection.id),
            }
        }
        None => {
            let pipeline = super::pipelines::by_id(ground, job.pipeline).map(|pipeline| pipeline.name);
            format!("p://{}/{}/{}", organization.name, project.name, pipeline.unwrap_or_default())
        }
    };
    let issued = ground.clock.now() - i64::from(ground.world.agent.token_held_minutes) * 60;
    let mut claims = json!(issuer::Claims::new(issued, &issuer::of_tokens(ground), &subject, AUDIENCE));
    // Tests give tokens one by this record: whether those of Entra have it is unverified.
    if let Some(azp) = ground.store.get::<String>("practice", "azp") {
        claims["azp"] = json!(azp);
    }
    let token = ground.keys.sign_claims(&claims);
    Ok(Reply::json(json!({"oidcToken": token})))
}

/// Why no job gets a token in this world.
fn withheld(call: &Call) -> Result<(), Failure> {
    let (status, key, message) = match call.ground.world.tokens.withheld {
        None => return Ok(()),
        Some(Withheld::Unauthorized) => {
            let text = "TF400813: The job's access token is not authorized to access this resource.";
            (401, "UnauthorizedRequestException", text)
        }
        Some(Withheld::Unknown) => (404, "ServiceEndpointNotFoundException", "The connection was not found."),
    };
    Err(Failure::new(status, "Microsoft.TeamFoundation.Framework.Server", key, message))
}

/// `/eid1/c/pub/t/TENANT/a/APPLICATION/sc/ORGANISATION/CONNECTION`: what stands for tenant and application is made up.
pub fn entra_subject(ground: &Ground, connection: &str) -> String {
    let organization = &ground.world.organization.id;
    let application = super::stable_id(ground, "application of tokens");
    format!("/eid1/c/pub/t/{}/a/{application}/sc/{organization}/{connection}", tenant::home(ground))
}

/// `{"name":"JobCompleted","jobId":…,"result":…}` from an agent outside.
fn event(call: &Call) -> Result<Reply, Failure> {
    let (_, mut job) = of_call(call)?;
    if !call.body["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("JobCompleted")) {
        return Ok(Reply::nothing());
    }
    let result = call.body["result"].as_str().unwrap_or_default().to_ascii_lowercase();
    job.result = Some(match result.as_str() {
        "succeeded" => timeline::Outcome::Succeeded,
        "succeededwithissues" => timeline::Outcome::SucceededWithIssues,
        "canceled" => timeline::Outcome::Canceled,
        _ => timeline::Outcome::Failed,
    });
    let over = runs::by_id(&call.ground, job.run).is_none_or(|run| run.status == runs::Status::Completed);
    if !over {
        call.ground.store.put("job", &job.id, &job);
    }
    Ok(Reply::nothing())
}
