//! What a data folder may be, and how the others are refused.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crm_kit_pg::server::{Options, Server};

use super::{is_root, options, options_at, place};

#[tokio::test]
async fn what_does_not_fit_is_told_in_words() {
    let place = place();
    let server = Server::start(options(&place, false)).await.unwrap();
    server.stop().await.unwrap();
    drop(server);
    let say = async |options: Options| Server::start(options).await.unwrap_err().to_string();
    let mut bad = options(&place, false);
    bad.settings.push(("shared_buffers".to_owned(), "nonsense".to_owned()));
    let message = say(bad).await;
    assert!(message.contains("invalid value for parameter \"shared_buffers\": \"nonsense\""), "{message}");
    let mut missing = options(&place, false);
    missing.bin_dir = Some("/nowhere".into());
    let message = say(missing).await;
    assert!(message.contains("/nowhere") && message.contains("apt-get install postgresql"), "{message}");
    let data = place.path().join("data");
    fs::write(data.join("cluster/PG_VERSION"), "13\n").unwrap();
    let message = say(options(&place, false)).await;
    assert!(message.contains("made by PostgreSQL 13") && message.contains("postgresql-13"), "{message}");
    fs::write(data.join("cluster/PG_VERSION"), "15\n").unwrap();
    fs::remove_file(data.join("credentials")).unwrap();
    let message = say(options(&place, false)).await;
    assert!(message.contains("passwords is missing"), "{message}");
    fs::write(place.path().join("other"), "").unwrap();
    let message = say(options_at(place.path(), false)).await;
    assert!(message.contains("holds other things"), "{message}");
    assert_eq!(fs::metadata(place.path()).unwrap().mode() & 0o777, 0o711);
    if is_root() {
        let closed = tempfile::tempdir_in("/tmp").unwrap();
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let message = say(options_at(&closed.path().join("a/b"), false)).await;
        assert!(message.contains(&format!("may not enter {};", closed.path().display())), "{message}");
        println!("{message}");
    }
    let deep = options_at(&place.path().join("not/yet/there"), false);
    Server::start(deep).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn a_long_or_odd_path_gets_a_short_private_socket_folder() {
    let place = place();
    for name in ["x".repeat(120), "a, b 客户".to_owned()] {
        let data = place.path().join(name);
        let server = Server::start(options_at(&data, false)).await.unwrap();
        let socket = server.socket_folder().to_owned();
        assert!(socket.starts_with("/tmp") && !socket.starts_with(place.path()), "{}", socket.display());
        assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o777, 0o700);
        server.health().await.unwrap();
        server.stop().await.unwrap();
        fs::remove_dir_all(socket).unwrap();
    }
}
