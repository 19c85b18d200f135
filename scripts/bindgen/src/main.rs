//! Writes the JavaScript around the edge's wasm module. It is `wasm-bindgen` with the options that the edge needs, built from
//! the same library in a third of the time, since it leaves out the test runner and its servers.

use std::env;

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, folder] = arguments.as_slice() else {
        bail!("usage: bindgen MODULE.wasm FOLDER");
    };
    Bindgen::new()
        .input_path(module)
        .out_name("index")
        .web(true)?
        .typescript(false)
        // edge/worker.js uses these two to go on after a panic.
        .reset_state_function(true)
        .force_enable_abort_handler(true)
        .generate(folder)
}
