//! Reads the little XML that S3 answers.

use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};

/// The text of the first element of that name directly in the root element; none also where it cannot be read.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    let mut document = Document::new(xml);
    let mut root = document.root_element().ok()?;
    child(&mut root, name)
}

/// One object for each `item` of the list `name` directly in the root element: the texts of these members.
pub(super) fn list<const N: usize>(xml: &str, name: &str, members: [&str; N]) -> Option<Vec<[String; N]>> {
    let mut document = Document::new(xml);
    let mut root = document.root_element().ok()?;
    let mut found = Vec::new();
    while let Some(mut list) = root.next_tag() {
        if !list.start_el().matches(name) {
            continue;
        }
        while let Some(mut item) = list.next_tag() {
            let mut texts = std::array::from_fn(|_| String::new());
            while let Some(mut member) = item.next_tag() {
                let Some(at) = members.iter().position(|name| member.start_el().matches(name)) else {
                    continue;
                };
                texts[at] = try_data(&mut member).ok()?.into_owned();
            }
            found.push(texts);
        }
    }
    Some(found)
}

fn child(parent: &mut ScopedDecoder<'_, '_>, name: &str) -> Option<String> {
    while let Some(mut tag) = parent.next_tag() {
        if tag.start_el().matches(name) {
            return try_data(&mut tag).ok().map(std::borrow::Cow::into_owned);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the API reference shows it (ListBuckets).
    const BUCKETS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
        <ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
          <Owner><ID>x</ID></Owner>
          <Buckets>
            <Bucket><Name>logs</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate><BucketRegion>eu-west-1</BucketRegion></Bucket>
            <Bucket><Name>a&amp;b</Name></Bucket>
          </Buckets>
          <ContinuationToken>next</ContinuationToken>
        </ListAllMyBucketsResult>"#;

    #[test]
    fn lists_and_texts_are_read() {
        let buckets = list(BUCKETS, "Buckets", ["Name", "BucketRegion"]);
        let expected = [["logs", "eu-west-1"], ["a&b", ""]].map(|pair| pair.map(str::to_owned));
        assert_eq!(buckets, Some(expected.to_vec()));
        assert_eq!(text(BUCKETS, "ContinuationToken").as_deref(), Some("next"));
        assert_eq!(text(BUCKETS, "Name"), None);
        assert_eq!(list("<html", "Buckets", ["Name"]), None);
    }
}
