//! Pages of listings, and the links to the next page.

use std::collections::BTreeSet;

use simulators::microsoft365::{Behaviours, ContentType};

use super::{FEED, World, long_lived_tokens, status_and_code};
use crate::run;

const ENTRA: ContentType = ContentType::Entra;

/// Returns a tenant with 2,000 records, so that the listing of a day has more than one page.
fn world(behaviours: Behaviours) -> World {
    World::with(behaviours, |options| options.events = 2_000)
}

#[test]
fn b48_links_lead_through_all_pages_and_the_last_one_has_none() {
    run(async {
        let world = world(Behaviours { page_size: 3, ..Behaviours::default() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let pages = client.pages(client.list(ENTRA, "").await).await;
        let (last, full) = pages.split_last().unwrap();
        assert!(full.len() > 1 && full.iter().all(|page| page.len() == 3) && (1..=3).contains(&last.len()));
        let one = client.feed("GET", "subscriptions/content?contentType=Audit.AzureActiveDirectory").await;
        let link = client.next(&one).unwrap();
        assert!(link.starts_with("/api/v1/") && !link.contains("PublisherIdentifier"), "{link}");
        let opaque = link.split('=').next_back().unwrap();
        assert!(opaque.len() > 20 && opaque.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{link}");
    });
}

#[test]
fn b48_header_and_parameters_have_several_spellings() {
    run(async {
        let world = world(Behaviours { page_size: 1, odd_casing: 0.8, next_page_url: 0.5, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let (mut headers, mut names) = (BTreeSet::new(), BTreeSet::new());
        for number in 0..60 {
            let answer = client.list(ENTRA, "").await;
            let text = format!("{answer:?}");
            headers.extend(
                ["nextpageuri", "Nextpageuri", "nextpageurl", "Nextpageurl"]
                    .into_iter()
                    .filter(|name| text.contains(&format!("\"{name}\""))),
            );
            let link = client.next(&answer).unwrap();
            let query = link.split_once('?').unwrap().1.to_owned();
            names.extend(query.split('&').map(|pair| pair.split('=').next().unwrap().to_owned()));
            // Every second connection has header names in title case. This extra request shifts the listings to the
            // other connections, so that they see both cases.
            if number % 2 == 0 {
                assert_eq!(client.get(&link).await.status, 200, "{link}");
            }
        }
        assert_eq!(headers.len(), 4, "{headers:?}");
        for name in ["startTime", "starttime", "StartTime", "contenttype", "nextPage", "nextpage"] {
            assert!(names.contains(name), "{names:?}");
        }
    });
}

#[test]
fn b48_empty_pages_have_a_next_one_and_an_end() {
    run(async {
        let world = world(Behaviours { page_size: 4, empty_pages: 1.0, ..Behaviours::default() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let pages = client.pages(client.list(ENTRA, "").await).await;
        let empty = pages.iter().filter(|page| page.is_empty()).count();
        assert_eq!((pages[0].len(), empty), (0, pages.len() / 4 * 3));
        world.simulator.change(|behaviours| behaviours.empty_pages = 0.0);
        let plain = client.pages(client.list(ENTRA, "").await).await;
        assert_eq!(pages.concat(), plain.concat());
    });
}

#[test]
fn b49_a_link_that_is_wrong_or_for_another_list_is_refused() {
    run(async {
        let world = world(Behaviours { page_size: 1, odd_casing: 0.0, ..Behaviours::default() });
        let client = world.client_with_subscriptions(&[ENTRA, ContentType::Exchange]).await;
        let good = client.next(&client.list(ENTRA, "").await).unwrap();
        let (before, opaque) = good.rsplit_once('=').unwrap();
        for link in [
            format!("{before}=nonsense"),
            format!("{before}="),
            format!("{before}=0{}", &opaque[1..opaque.len() - 1]),
            good.replace("Audit.AzureActiveDirectory", "Audit.Exchange"),
            good.replace("2026-11-22T09:00:00Z", "2026-11-22T08:59:59Z"),
        ] {
            assert_eq!(status_and_code(&client.get(&link).await), (400, "AF20031".to_owned()), "{link}");
        }
        assert_eq!(client.get(&good).await.status, 200);
        world.simulator.change(|behaviours| behaviours.links_lost = 1.0);
        assert_eq!(status_and_code(&client.get(&good).await), (400, "AF20031".to_owned()));
        assert_eq!(client.get(&format!("{FEED}/subscriptions/content?contentType=Audit.Exchange")).await.status, 200);
    });
}

#[test]
fn b49_a_link_expires_with_its_window() {
    run(async {
        let world = world(Behaviours { page_size: 1, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let link = client.next(&client.list(ENTRA, "").await).unwrap();
        world.clock.advance(6 * 24 * 3_600 + 3_600);
        assert_eq!(client.get(&link).await.status, 200);
        world.clock.advance(1);
        for _ in 0..3 {
            assert_eq!(status_and_code(&client.get(&link).await), (400, "AF20055".to_owned()));
        }
    });
}
