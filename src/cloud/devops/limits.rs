//! Hosted parallelism, as far as Azure DevOps tells it (undocumented).

use serde::Deserialize;

use super::{DevOps, List, routes};
use crate::domain::failure::{Class, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    parallelism_tag: Option<String>,
    #[serde(default)]
    is_hosted: Option<bool>,
    #[serde(default)]
    total_count: Option<i64>,
}

fn private_hosted(limits: &[Wire]) -> Option<i64> {
    let hosted = limits.iter().filter(|limit| {
        limit.is_hosted == Some(true)
            && limit.parallelism_tag.as_deref().is_some_and(|tag| tag.eq_ignore_ascii_case("private"))
    });
    hosted.filter_map(|limit| limit.total_count).reduce(|all, count| all + count)
}

impl DevOps {
    /// How many jobs Microsoft's agents run side by side for private projects; none: Azure DevOps does not tell.
    ///
    /// # Errors
    /// Only when Azure DevOps did not answer: that this call is refused tells nothing.
    pub async fn hosted_parallel_jobs(&self) -> Result<Option<i64>> {
        let read = || async {
            match self.call(&routes::RESOURCE_LIMITS, &[]).json::<List<Wire>>().await {
                Ok(list) => Ok(private_hosted(&list.value)),
                Err(failure) if matches!(failure.class, Class::Unreachable | Class::Throttled) => {
                    Err(failure)
                }
                Err(_) => Ok(None),
            }
        };
        self.memo().get("hosted parallel jobs", read).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn only_hosted_private_jobs_count() {
        let limits: Vec<Wire> = serde_json::from_value(serde_json::json!([
            {"parallelismTag": "Public", "isHosted": true, "totalCount": 10},
            {"parallelismTag": "Private", "isHosted": false, "totalCount": 3},
            {"parallelismTag": "Private", "isHosted": true, "totalCount": 1, "resourceLimitsData": {"FreeCount": "1"}}
        ]))
        .unwrap();
        assert_eq!(private_hosted(&limits), Some(1));
        assert_eq!(private_hosted(&limits[..2]), None);
    }
}
