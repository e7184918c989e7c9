//! The conformance suite on the in-memory state and bucket of the vendors' tests.

use tests::rig::memory_store::MemoryStore;

use crate::conformance;

#[tokio::test]
async fn state_conforms() {
    conformance::state(&MemoryStore::default()).await;
}

#[tokio::test]
async fn bucket_conforms() {
    for prefix in ["", "team/"] {
        conformance::bucket(&MemoryStore::default(), prefix).await;
    }
}
