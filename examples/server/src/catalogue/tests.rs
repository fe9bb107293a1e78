use std::time::Duration;

use super::*;

fn asset(key: &str, started: i64, bytes: i64) -> Asset {
    Asset { started, bytes, ..Asset::new(key.into(), ("live", "demo"), None, false) }
}

#[test]
fn the_oldest_go_first_by_age_count_and_bytes() {
    // Newest first.
    let assets = [asset("c", 9_000, 10), asset("b", 8_000, 10), asset("a", 1_000, 10)];
    let surplus = |rules: Retain| -> Vec<String> {
        rules.surplus(&assets, 10_000).iter().map(|asset| asset.key.clone()).collect()
    };
    let rules = Retain::default();
    assert!(surplus(rules.clone()).is_empty());
    let by_age = Retain { retain_age: Some(Duration::from_secs(5)), ..rules.clone() };
    assert_eq!(surplus(by_age), ["a"]);
    let by_count = Retain { retain_count: Some(1), ..rules.clone() };
    assert_eq!(surplus(by_count), ["b", "a"]);
    let by_bytes = Retain { retain_bytes: Some(20), ..rules };
    assert_eq!(surplus(by_bytes), ["a"]);
}

#[tokio::test]
async fn a_file_has_one_row_and_pages_follow_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), crate::store::SCHEMAS).unwrap();
    let keys = Keys::open(store.clone()).await.unwrap();
    let recordings = Arc::new(Recordings::open(dir.path()).unwrap());
    let catalogue = Catalogue::open(store, recordings, keys, dir.path(), false).unwrap();
    for key in ["a", "b", "b", "c"] {
        catalogue.insert(asset(key, 5, 7)).await.unwrap();
    }
    let first = catalogue.page((0, false), 2, None).await.unwrap();
    let second = catalogue.page((first[1].seq, false), 2, None).await.unwrap();
    let keys: Vec<&str> = first.iter().chain(&second).map(|asset| asset.key.as_str()).collect();
    assert_eq!(keys, ["a", "b", "c"]);
    let newest = catalogue.page((0, true), 2, None).await.unwrap();
    let older = catalogue.page((newest[1].seq, true), 2, None).await.unwrap();
    let keys: Vec<&str> = newest.iter().chain(&older).map(|asset| asset.key.as_str()).collect();
    assert_eq!(keys, ["c", "b", "a"]);
    assert_eq!(catalogue.at("b").await.unwrap().unwrap(), first[1]);
    assert!(catalogue.delete(&first[0].id).await.unwrap());
    assert!(!catalogue.delete(&first[0].id).await.unwrap());
    catalogue.forget(&first[0]).await.unwrap();
    assert!(catalogue.get(&first[0].id).await.unwrap().is_none());
}
