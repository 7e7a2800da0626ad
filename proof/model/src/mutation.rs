//! Rules that are broken on purpose, to see that the checker notices. They exist in the model only: the code of the
//! functions has none of them.

macro_rules! mutations {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $scenario:literal;)+) => {
        /// A rule that is broken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Mutation {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Mutation {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name on the command line.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it breaks, in one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+).trim_ascii(),)+ }
            }

            /// The scenario in which it counts.
            #[must_use]
            pub fn scenario(self) -> &'static str {
                match self { $(Self::$variant => $scenario,)+ }
            }
        }
    };
}

mutations! {
    /// A step does not refuse a version that is no longer AWSPENDING.
    LateStepAccepted = "late-step-accepted", "attempts";
    /// createSecret fails if the version has a value.
    PendingNotReused = "pending-not-reused", "attempts";
    /// createSecret and setSecret accept a pending value for a user whose turn it is not.
    StaleAccepted = "stale-accepted", "people";
    /// The new value is for the user of AWSCURRENT and not for the other one of the pair.
    WrongUser = "wrong-user", "attempts";
    /// The pair is that of the value, whatever the tag and AWSPREVIOUS say.
    PairOfValue = "pair-of-value", "strangers";
    /// A user with another secret's mark is treated as one without a mark.
    MarkIgnored = "mark-ignored", "strangers";
    /// A user without a mark needs no login to prove that it belongs to the secret.
    ProofSkipped = "proof-skipped", "strangers";
    /// A password is set without the secret's mark.
    MarkNotWritten = "mark-not-written", "revocations";
    /// setSecret resets a user although the receipt is not that of AWSCURRENT.
    ReceiptIgnored = "receipt-ignored", "deliveries";
    /// The refusal of setSecret does not request the delivery.
    RefusalWithoutRequest = "refusal-without-request", "deliveries";
    /// setSecret changes no permissions if the password was set already.
    GrantsOnlyWithPassword = "grants-only-with-password", "attempts";
    /// Permissions that the active user does not have are removed after the password is set.
    RemovalsAfterPassword = "removals-after-password", "attempts";
    /// setSecret does not look again after it has written a password.
    LookAgainOff = "look-again-off", "attempts";
    /// setSecret does not notice, when it looks again, that another version was promoted meanwhile.
    PromotionOverlooked = "promotion-overlooked", "attempts";
    /// A password that was restored is not looked at again.
    RestoresOnce = "restores-once", "people";
    /// finishSecret promotes without a login and without comparing permissions.
    PromotesUnproved = "promotes-unproved", "attempts";
    /// A revocation does not look whether AWSPENDING has the version or its user.
    RevokesStaged = "revokes-staged", "revocations";
    /// A revocation does not look at the receipt.
    RevokesUndelivered = "revokes-undelivered", "deliveries";
    /// A revocation does not look whether a rotation has taken the user meanwhile.
    RevocationLooksAway = "revocation-looks-away", "revocations";
    /// A revocation writes to a user that nothing shows to be the secret's.
    RevokesUnproved = "revokes-unproved", "strangers";
    /// secret2eks writes the receipt before the operator has synced.
    ReceiptTooEarly = "receipt-too-early", "deliveries";
    /// secret2eks accepts a sync that may have begun before it wrote the object.
    AnySyncAccepted = "any-sync-accepted", "deliveries";
    /// secret2eks writes a receipt if the object is right and was synced since, whichever version was current then.
    OldSyncAccepted = "old-sync-accepted", "two-deliveries";
    /// secret2eks does not look which version is current after the sync.
    DeliveryLooksOnce = "delivery-looks-once", "two-deliveries";

    /// With `single`, finishSecret promotes without a login.
    PromotesOnlyUserUnproved = "promotes-only-user-unproved", "single";
    /// With `single`, a revocation makes the password random, although the user is the one of AWSCURRENT.
    ScramblesOnlyUser = "scrambles-only-user", "single";

    /// A message that was recorded before counts again.
    RepeatedCounts = "repeated-counts", "incidents";
    /// A failure that had ended before it arrived opens an incident.
    OverIgnored = "over-ignored", "incidents";
    /// A success does not close an incident.
    SuccessIgnored = "success-ignored", "incidents";
    /// An announcement that another invocation is sending is sent as well.
    TakesAll = "takes-all", "incidents";
    /// An announcement is sent before the item is written.
    SendsFirst = "sends-first", "incidents";
    /// An announcement that was sent stays in the item.
    KeepsSent = "keeps-sent", "incidents";
    /// The item is written although somebody else has written it meanwhile.
    WritesAnyway = "writes-anyway", "incidents";
    /// An announcement is not stored in the item, only sent.
    NotStored = "not-stored", "incidents";
    /// The hourly check does not send what was left unsent.
    SweepSendsNothing = "sweep-sends-nothing", "incidents";
}

impl Mutation {
    /// The mutation with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mutation| mutation.as_str() == name)
    }
}
