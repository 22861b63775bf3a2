//! Known ways from some rights to all rights.

use super::grants::{Found, Grants};

/// A way to more rights: what happens, and the actions it takes.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// What happens.
    pub what: &'static str,
    /// All of these are needed.
    pub actions: &'static [&'static str],
}

const fn way(what: &'static str, actions: &'static [&'static str]) -> Way {
    Way { what, actions }
}

/// Ways that are written about (Rhino Security Labs, "AWS IAM Privilege Escalation Methods"; IAM service authorization
/// reference for the actions). Not complete, and cannot be: services come and go.
pub const WAYS: [Way; 24] = [
    way("a managed policy is given another content", &["iam:CreatePolicyVersion"]),
    way("a managed policy is set back to an older content", &["iam:SetDefaultPolicyVersion"]),
    way("a policy is attached to a role", &["iam:AttachRolePolicy"]),
    way("a policy is attached to a user", &["iam:AttachUserPolicy"]),
    way("a policy is attached to a group", &["iam:AttachGroupPolicy"]),
    way("a policy is written into a role", &["iam:PutRolePolicy"]),
    way("a policy is written into a user", &["iam:PutUserPolicy"]),
    way("a policy is written into a group", &["iam:PutGroupPolicy"]),
    way("a user is put into a group", &["iam:AddUserToGroup"]),
    way("an access key is made for another user", &["iam:CreateAccessKey"]),
    way("another user gets a console password", &["iam:CreateLoginProfile"]),
    way("another user's console password is changed", &["iam:UpdateLoginProfile"]),
    way("a role is made to trust somebody else", &["iam:UpdateAssumeRolePolicy"]),
    way("a role's permissions boundary is taken away", &["iam:DeleteRolePermissionsBoundary"]),
    way("a role's permissions boundary is changed", &["iam:PutRolePermissionsBoundary"]),
    way(
        "a function runs with a role that was passed to it",
        &["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"],
    ),
    way("the code of a function with a role of its own is changed", &["lambda:UpdateFunctionCode"]),
    way("an instance runs with a role that was passed to it", &["iam:PassRole", "ec2:RunInstances"]),
    way("a stack is made with a role that was passed to it", &["iam:PassRole", "cloudformation:CreateStack"]),
    way(
        "a build runs with a role that was passed to it",
        &["iam:PassRole", "codebuild:CreateProject", "codebuild:StartBuild"],
    ),
    way(
        "a container runs with a role that was passed to it",
        &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:RunTask"],
    ),
    way(
        "a job runs with a role that was passed to it",
        &["iam:PassRole", "glue:CreateJob", "glue:StartJobRun"],
    ),
    way(
        "a notebook runs with a role that was passed to it",
        &["iam:PassRole", "sagemaker:CreateNotebookInstance", "sagemaker:CreatePresignedNotebookInstanceUrl"],
    ),
    way("commands run on instances that have roles of their own", &["ssm:SendCommand"]),
];

/// Ways that these permissions open, with the statement that gives the first action.
pub(super) fn found(grants: &Grants) -> Vec<(String, Found<'_>)> {
    let mut found = Vec::new();
    for way in &WAYS {
        // Passing one role that is named exactly is what least privilege asks for; where it leads is followed.
        let needed = |action: &&str| match *action {
            PASS => grants.passes_any(),
            action => grants.allows_somewhere(action),
        };
        let all: Vec<Found<'_>> = way.actions.iter().filter_map(needed).collect();
        if all.len() == way.actions.len()
            && let Some(first) = all.into_iter().next()
        {
            found.push((format!("{} ({})", way.what, way.actions.join(", ")), first));
        }
    }
    found
}

/// Handing a role to a service.
const PASS: &str = "iam:PassRole";

/// Services that act with a role that was passed to them, and the action that makes them.
pub(super) fn services() -> impl Iterator<Item = (&'static str, &'static str)> {
    [
        ("cloudformation.amazonaws.com", "cloudformation:CreateChangeSet"),
        ("cloudformation.amazonaws.com", "cloudformation:CreateStack"),
        ("lambda.amazonaws.com", "lambda:CreateFunction"),
        ("ec2.amazonaws.com", "ec2:RunInstances"),
        ("ecs-tasks.amazonaws.com", "ecs:RunTask"),
        ("codebuild.amazonaws.com", "codebuild:StartBuild"),
        ("glue.amazonaws.com", "glue:StartJobRun"),
        ("sagemaker.amazonaws.com", "sagemaker:CreateNotebookInstance"),
    ]
    .into_iter()
}
