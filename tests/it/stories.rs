//! The shipped scenarios: their expectations hold, and their stories read as they did when a person last read them.

use crate::common;
use swarmlab::report::Report;
use swarmlab::scenario::run::{Options, run};

#[test]
fn the_shipped_scenarios_hold_and_tell_their_stories() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/stories");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (path, scenario) in common::shipped() {
        let result = run(&scenario, &Options::default());
        let report = Report::of(&scenario, &result);
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        assert_eq!(report.outcome().exit_status(), 0, "{}", report.to_text());
        settings.bind(|| insta::assert_snapshot!(name, report.to_text()));
    }
}
