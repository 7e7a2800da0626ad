//! The three functions that are this program.

/// Which events a deployment of the function takes (`ACTIONS`).
///
/// AWS requires `lambda:InvokeFunction` on the rotation function of everybody who calls `RotateSecret`. So the actions of
/// SecOps have a separate function, which only SecOps may invoke. The requests that only look have a third one, which other
/// functions and people may invoke, too. Each is the same program with another value.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actions {
    /// The four steps of a rotation.
    Rotate,
    /// The actions of an incident.
    Incident,
    /// The requests that only look.
    Inspect,
}

impl Actions {
    /// What a function with this value accepts.
    pub(super) fn accepts(self) -> &'static str {
        match self {
            Self::Rotate => "the steps of a rotation",
            Self::Incident => "the `Action` of an incident",
            Self::Inspect => "the `Action` of an inspection",
        }
    }

    /// What an event for that function is called.
    pub(super) fn event(self) -> &'static str {
        match self {
            Self::Rotate => "a `Step`",
            Self::Incident => "the `Action` of an incident",
            Self::Inspect => "the `Action` of an inspection",
        }
    }

    /// The output of the stack that names the function.
    pub(super) fn output(self) -> &'static str {
        match self {
            Self::Rotate => "RotationFunctionName",
            Self::Incident => "IncidentFunctionName",
            Self::Inspect => "InspectFunctionName",
        }
    }
}
