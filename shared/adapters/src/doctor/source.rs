//! The check of a vendor that has no check of its own: its secret and its first pages, through the collector's ports.

use std::cell::RefCell;
use std::future::Future;

use collector::{Clock, ListRequest, Listed, PortError, Source, Tries, Vendor, Window};

use super::checkup::Checkup;
use super::code::Code;
use super::fault::Fault;
use super::findings::Findings;
use super::step::StepName;

/// The span of a first page.
const SPAN_SECONDS: i64 = 3_600;

/// Checks that the source of a secret can be opened and that each of its listings has a first page. `reference` names the
/// secret, and `opening` opens the source.
pub async fn check_source<V: Vendor, C: Clock>(
    checkup: &Checkup<C>,
    reference: &str,
    opening: impl Future<Output = Result<Source<V>, PortError>>,
) -> Findings {
    checkup.name_source(Some(reference));
    let opened = async {
        let source = opening.await.map_err(|error| Fault::of(Code::SecretUnreadable, &error))?;
        Ok((source, String::new()))
    };
    let Some(source) = checkup.step(StepName::Secret, "", opened).await else {
        checkup.skip_after(StepName::Secret, &[StepName::FirstPage]);
        return Findings::default();
    };
    checkup.name_source(source.streams.first().map(|stream| stream.source.as_str()));
    let owner = RefCell::new(None);
    for stream in &source.streams {
        for listing in &stream.listings {
            let to = checkup.clock().now().as_second();
            let window = Window { from: to - SPAN_SECONDS, to };
            let request = ListRequest { stream, listing, window, cursor: None, tries: Tries::Once };
            let listed = async {
                match source.vendor.list(request).await.map_err(|error| Fault::of_vendor(&error))? {
                    Listed::Page(page) => {
                        owner.replace(page.owner);
                        Ok(((), String::new()))
                    }
                    Listed::CursorLost => Ok(((), String::new())),
                    Listed::NotOffered => Ok(((), "the vendor does not offer this listing here".to_owned())),
                    Listed::NotYet { fault: Some(error), .. } => Err(Fault::of_vendor(&error)),
                    Listed::NotYet { .. } => Ok(((), "the vendor does not show events yet".to_owned())),
                }
            };
            checkup.step(StepName::FirstPage, listing, listed).await;
        }
    }
    Findings { streams: source.streams, owner: owner.into_inner(), vendor_ahead: None }
}
