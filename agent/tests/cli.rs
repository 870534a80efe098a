//! What the command line says about itself, and about wrong usage.

#[test]
fn usage_is_as_written_down() {
    trycmd::TestCases::new().case("tests/cli/*.trycmd");
}
