//! The dashboard's files, embedded when `web/dist` was there at compile time. See `build.rs`.

use control::Asset;

include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));
