//! What is typed, and what comes back: one transcript a file. No network, no home of anybody's.

#[test]
fn transcripts_hold() {
    trycmd::TestCases::new()
        .env("HOME", "/nonexistent")
        .env("XDG_CONFIG_HOME", "")
        .env("XDG_DATA_HOME", "")
        .env("XDG_STATE_HOME", "")
        .env("SSH_AUTH_SOCK", "")
        .env("TZ", "UTC")
        .env("COLUMNS", "100")
        .case("tests/cmd/*.trycmd");
}
