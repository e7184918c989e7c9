//! The state and the bucket in memory, which the vendors' tests run on: the conformance suite.

use tests::rig::shelf::Shelf;

use crate::conformance;

#[tokio::test]
async fn state_conforms() {
    conformance::state(&Shelf::default()).await;
}

#[tokio::test]
async fn bucket_conforms() {
    for prefix in ["", "team/"] {
        conformance::bucket(&Shelf::default(), prefix).await;
    }
}
