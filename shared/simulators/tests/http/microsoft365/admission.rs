//! Refused requests: a wrong tenant, missing permissions, and tokens of another cloud.

use simulators::microsoft365::{Behaviours, Cloud, ContentType, READ, READ_DLP, TENANT_ID};

use super::{COMMERCIAL_AUDIENCE, Client, FEED, PUBLISHER, World, status_and_code};
use crate::run;

const OTHER_TENANT: &str = "9d0c4a6e-0b57-4f63-8f0a-5c1d7e2b3a49";

#[test]
fn b36_b37_the_tenant_must_be_a_known_guid_and_that_of_the_token() {
    run(async {
        let behaviours = Behaviours { other_tenants: vec![OTHER_TENANT.to_owned()], ..Behaviours::default() };
        let world = World::new(behaviours);
        let our_client = world.client().await;
        let other_client = Client::with_token_for(&world.running, OTHER_TENANT, COMMERCIAL_AUDIENCE).await;
        let list = |tenant: &str| format!("/api/v1.0/{tenant}/activity/feed/subscriptions/list?{PUBLISHER}");
        for (client, tenant, code) in [
            (&our_client, "tenant", "AF20013"),
            (&our_client, OTHER_TENANT, "AF20010"),
            (&other_client, TENANT_ID, "AF20010"),
            (&other_client, OTHER_TENANT, "AF20011"),
        ] {
            let answer = client.get(&list(tenant)).await;
            assert_eq!(status_and_code(&answer), (400, code.to_owned()));
        }
        assert_eq!(our_client.get(&list(&TENANT_ID.to_uppercase())).await.status, 200);
        let stranger = Client { running: &world.running, token: "stranger".to_owned() };
        let answer = stranger.get(&list(TENANT_ID)).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
    });
}

fn with_roles(roles: &[&str]) -> Behaviours {
    Behaviours { roles: roles.iter().map(|role| (*role).to_owned()).collect(), ..Behaviours::default() }
}

#[test]
fn b38_without_read_everything_is_refused_and_the_permissions_are_named() {
    run(async {
        for (roles, named_roles) in
            [(vec![], "set () sent"), (vec![READ_DLP, "x"], "set (ActivityFeed.ReadDlp x) sent")]
        {
            let world = World::new(with_roles(&roles));
            let client = world.client().await;
            for what in ["list", "content?contentType=Audit.General", "content?contentType=DLP.All"] {
                let answer = client.feed("GET", &format!("subscriptions/{what}")).await;
                assert_eq!(status_and_code(&answer), (401, "AF10001".to_owned()));
                assert!(answer.text().contains(named_roles), "{}", answer.text());
            }
        }
    });
}

#[test]
fn b38_without_read_dlp_only_dlp_is_refused_its_blobs_too() {
    run(async {
        let world = World::new(Behaviours::default());
        let client = world.client_with_subscriptions(&ContentType::ALL).await;
        let items = client.all_items(ContentType::Dlp, world.now()).await;
        let blob = client.path(items[0]["contentUri"].as_str().unwrap());
        world.simulator.change(|behaviours| behaviours.roles = vec![READ.to_owned()]);
        assert_eq!(client.get(&blob).await.status, 200, "the old token permits it still");
        let client = world.client().await;
        for content_type in ContentType::ALL {
            let answer = client.list(content_type, "").await;
            match content_type {
                ContentType::Dlp => assert_eq!(status_and_code(&answer), (401, "AF10001".to_owned())),
                _ => assert_eq!(answer.status, 200, "{}", answer.text()),
            }
        }
        assert_eq!(status_and_code(&client.get(&blob).await), (401, "AF10001".to_owned()));
        assert_eq!(status_and_code(&client.start(ContentType::Dlp).await), (401, "AF10001".to_owned()));
    });
}

#[test]
fn b70_each_cloud_accepts_only_its_own_tokens() {
    run(async {
        for cloud in Cloud::ALL {
            let world = World::new(Behaviours { cloud, ..Behaviours::default() });
            for other_cloud in Cloud::ALL {
                let client = Client::with_token_for(&world.running, TENANT_ID, other_cloud.audience()).await;
                let status = client.get(&format!("{FEED}/subscriptions/list")).await.status;
                assert_eq!(status, if other_cloud == cloud { 200 } else { 401 }, "{other_cloud:?} at {cloud:?}");
            }
        }
    });
}
