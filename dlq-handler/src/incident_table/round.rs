//! The round of a sweep: all items, page after page, from the place where the last sweep ended.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use contract::Area;
use lambda_boundary::AwsError;

use super::{IncidentTable, OWN, TableError, number, parse, text};
use crate::incident::Record;

/// The number of items that are read at once, open or not.
const PAGE: i32 = 500;
/// The area of the item that stores the round.
const ROUND: &str = "round";

/// A place in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The item's subject.
    pub subject: String,
    /// The item's area, as it is stored.
    pub area: String,
}

/// How far a round has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// It continues after this item. Without one, it starts at the beginning.
    pub after: Option<Place>,
    /// Open incidents so far.
    pub open: u64,
}

/// An item that is open or has announcements left to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its place in the table.
    pub place: Place,
    /// Its record. None if it cannot be read.
    pub record: Option<Record>,
}

impl Found {
    /// The area, if this version knows it.
    #[must_use]
    pub fn area(&self) -> Option<Area> {
        Area::ALL.iter().copied().find(|area| area.key() == self.place.area)
    }
}

/// Some of the items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The items that are open or have announcements left to send.
    pub found: Vec<Found>,
    /// Where the next page begins. None after the last page.
    pub next: Option<Place>,
}

impl IncidentTable {
    /// The items after a place.
    ///
    /// # Errors
    /// When `DynamoDB` does not answer. An item that cannot be read is no error.
    pub async fn page(&self, after: Option<&Place>) -> Result<Page, TableError> {
        let page = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(PAGE)
            .filter_expression("#state = :open OR unsent = :yes")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":open", text("open"))
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .set_exclusive_start_key(after.map(key))
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("DynamoDB", "Scan", self.timeout, &error))?;
        let found = page.items().iter().filter_map(|item| {
            let json = item.get("record").and_then(|value| value.as_s().ok());
            let record = json.and_then(|json| parse(json).ok());
            Some(Found { place: place(item)?, record })
        });
        Ok(Page { found: found.collect(), next: page.last_evaluated_key().and_then(place) })
    }

    /// How far the last sweep came. If that cannot be read, the round starts again.
    ///
    /// # Errors
    /// When `DynamoDB` does not answer.
    pub async fn round(&self) -> Result<Round, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("subject", text(OWN))
            .key("area", text(ROUND))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("DynamoDB", "GetItem", self.timeout, &error))?;
        let Some(item) = answer.item else { return Ok(Round::default()) };
        let field = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let after = match (field("afterSubject"), field("afterArea")) {
            (Some(subject), Some(area)) => Some(Place { subject, area }),
            _ => None,
        };
        let open = item.get("openSoFar").and_then(|value| value.as_n().ok()?.parse().ok());
        Ok(Round { after, open: open.unwrap_or_default() })
    }

    /// Stores how far a sweep has come.
    ///
    /// # Errors
    /// When `DynamoDB` does not take it.
    pub async fn remember(&self, round: &Round) -> Result<(), TableError> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("subject", text(OWN))
            .item("area", text(ROUND))
            .item("openSoFar", number(round.open));
        if let Some(after) = &round.after {
            put = put.item("afterSubject", text(&after.subject)).item("afterArea", text(&after.area));
        }
        put.send().await.map_err(|error| AwsError::from_sdk("DynamoDB", "PutItem", self.timeout, &error))?;
        Ok(())
    }
}

fn key(place: &Place) -> HashMap<String, AttributeValue> {
    [("subject", &place.subject), ("area", &place.area)]
        .map(|(name, value)| (name.to_owned(), text(value)))
        .into()
}

fn place(item: &HashMap<String, AttributeValue>) -> Option<Place> {
    let field = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    Some(Place { subject: field("subject")?, area: field("area")? })
}
