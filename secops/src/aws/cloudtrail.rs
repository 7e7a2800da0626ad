//! CloudTrail: which trails record the management events of this region.

use aws_config::SdkConfig;
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::types::{AdvancedEventSelector, EventSelector, ReadWriteType};

use super::AwsError;
use super::config::TIMEOUT;

const SERVICE: &str = "CloudTrail";

/// What one trail records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Management events that change something.
    pub writes: bool,
    /// Management events that only read.
    pub reads: bool,
}

/// Name and ARN of each trail that records this region: its own, those of all regions, and those of the organization.
pub async fn trails(config: &SdkConfig) -> Result<Vec<(String, String)>, AwsError> {
    let answer = Client::new(config).describe_trails().include_shadow_trails(true).send().await;
    let answer = answer.map_err(|error| AwsError::from_sdk(SERVICE, "DescribeTrails", TIMEOUT, &error))?;
    let trails = answer.trail_list.unwrap_or_default().into_iter();
    Ok(trails.filter_map(|trail| Some((trail.name?, trail.trail_arn?))).collect())
}

/// Whether a trail records now.
pub async fn is_logging(config: &SdkConfig, trail: &str) -> Result<bool, AwsError> {
    let answer = Client::new(config).get_trail_status().name(trail).send().await;
    let answer = answer.map_err(|error| AwsError::from_sdk(SERVICE, "GetTrailStatus", TIMEOUT, &error))?;
    Ok(answer.is_logging.unwrap_or(false))
}

/// Which management events a trail records.
pub async fn recorded(config: &SdkConfig, trail: &str) -> Result<Recorded, AwsError> {
    let answer = Client::new(config).get_event_selectors().trail_name(trail).send().await;
    let answer = answer.map_err(|error| AwsError::from_sdk(SERVICE, "GetEventSelectors", TIMEOUT, &error))?;
    let basic = answer.event_selectors.unwrap_or_default();
    let advanced = answer.advanced_event_selectors.unwrap_or_default();
    Ok(basic.iter().map(of_basic).chain(advanced.iter().map(of_advanced)).fold(Recorded::default(), or))
}

fn or(one: Recorded, other: Recorded) -> Recorded {
    Recorded { writes: one.writes || other.writes, reads: one.reads || other.reads }
}

/// A selector records management events, and of all sorts, unless it says otherwise.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html>
fn of_basic(selector: &EventSelector) -> Recorded {
    if selector.include_management_events == Some(false) {
        return Recorded::default();
    }
    Recorded {
        writes: selector.read_write_type != Some(ReadWriteType::ReadOnly),
        reads: selector.read_write_type != Some(ReadWriteType::WriteOnly),
    }
}

/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html>
fn of_advanced(selector: &AdvancedEventSelector) -> Recorded {
    let fields = selector.field_selectors.iter();
    let equals = |name: &str, value: &str| {
        let mut of_name = fields.clone().filter(|field| field.field == name);
        of_name.any(|field| field.equals().iter().any(|one| one == value))
    };
    let is_selected = fields.clone().any(|field| field.field == "readOnly");
    let is_management = equals("eventCategory", "Management");
    Recorded {
        writes: is_management && (!is_selected || equals("readOnly", "false")),
        reads: is_management && (!is_selected || equals("readOnly", "true")),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudtrail::types::AdvancedFieldSelector;

    use super::*;

    fn recorded(writes: bool, reads: bool) -> Recorded {
        Recorded { writes, reads }
    }

    #[test]
    fn a_basic_selector_says_which_management_events_it_records() {
        let with = |kind: ReadWriteType, management: bool| {
            EventSelector::builder().read_write_type(kind).include_management_events(management).build()
        };
        for (selector, expected) in [
            (EventSelector::builder().build(), recorded(true, true)),
            (with(ReadWriteType::All, true), recorded(true, true)),
            (with(ReadWriteType::WriteOnly, true), recorded(true, false)),
            (with(ReadWriteType::ReadOnly, true), recorded(false, true)),
            (with(ReadWriteType::All, false), recorded(false, false)),
        ] {
            assert_eq!(of_basic(&selector), expected, "{selector:?}");
        }
    }

    #[test]
    fn an_advanced_selector_names_the_category_and_perhaps_reads_or_writes() {
        let with = |fields: &[(&str, &str)]| {
            let fields = fields.iter().filter_map(|(name, value)| {
                AdvancedFieldSelector::builder().field(*name).equals(*value).build().ok()
            });
            AdvancedEventSelector::builder().set_field_selectors(Some(fields.collect())).build()
        };
        for (fields, expected) in [
            (vec![("eventCategory", "Management")], recorded(true, true)),
            (vec![("eventCategory", "Management"), ("readOnly", "false")], recorded(true, false)),
            (vec![("eventCategory", "Management"), ("readOnly", "true")], recorded(false, true)),
            (vec![("eventCategory", "Data")], recorded(false, false)),
        ] {
            assert_eq!(
                with(&fields).ok().map(|selector| of_advanced(&selector)),
                Some(expected),
                "{fields:?}"
            );
        }
    }
}
