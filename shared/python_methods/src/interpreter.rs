//! Starts the Python interpreter (RustPython) and calls the modules of this program in it.

use rustpython_vm::builtins::{PyBaseExceptionRef, PyModuleDef};
use rustpython_vm::compiler::Mode;
use rustpython_vm::function::IntoFuncArgs;
use rustpython_vm::{AsObject, Interpreter, PyObjectRef, PyResult, Settings, VirtualMachine};
use serde_json::json;

use crate::natives;

/// The standard-library modules written in Rust that methods may import. None of them does I/O.
const NATIVE_MODULES: [&str; 22] = [
    "_bisect",
    "_blake2",
    "_contextvars",
    "_csv",
    "_hashlib",
    "_json",
    "_md5",
    "_opcode",
    "_random",
    "_sha1",
    "_sha256",
    "_sha3",
    "_sha512",
    "_statistics",
    "_struct",
    "_suggestions",
    "_tokenize",
    "array",
    "binascii",
    "cmath",
    "math",
    "unicodedata",
];
const GUARD: &str = include_str!("shims/guard.py");
const OS: &str = include_str!("shims/os.py");
const IO: &str = include_str!("shims/io.py");
const ABSENT: &str = include_str!("shims/absent.py");
const IMPORTLIB: &str = include_str!("shims/importlib.py");
const LINECACHE: &str = include_str!("shims/linecache.py");
const EVENTS: &str = include_str!("shims/events.py");
const CORRECTIONS: &str = include_str!("shims/corrections.py");
const REACH: &str = include_str!("shims/reach.py");
const BASE_HELPERS: &str = include_str!("shims/panther_base_helpers.py");
const EVENT_TYPES: &str = include_str!("shims/panther_event_type_helpers.py");
const BOOTSTRAP: &str = include_str!("shims/bootstrap.py");

/// Starts an interpreter, runs `then` in it and returns its result.
pub(crate) fn run<T>(then: impl FnOnce(&Python<'_>) -> T) -> Result<T, String> {
    let mut settings = Settings::default();
    settings.isolated = true;
    settings.install_signal_handlers = false;
    // A fixed seed gives texts the same hash in every process.
    settings.hash_seed = Some(0);
    let builder = Interpreter::builder(settings);
    let is_allowed = |module: &&'static PyModuleDef| NATIVE_MODULES.contains(&module.name.as_str());
    let natives: Vec<_> = rustpython_stdlib::stdlib_module_defs(&builder.ctx).into_iter().filter(is_allowed).collect();
    let builder = builder.add_native_modules(&natives).add_frozen_modules(rustpython_pylib::FROZEN_STDLIB);
    builder.build().enter(|vm| {
        let bootstrap = bootstrap(vm).map_err(|error| text(vm, &error))?;
        Ok(then(&Python { vm, bootstrap }))
    })
}

/// Installs this program's own modules, and returns the module `_bootstrap`.
fn bootstrap(vm: &VirtualMachine) -> PyResult<PyObjectRef> {
    let guard = module(vm, "_guard", GUARD)?;
    let modules = vm.sys_module.get_attr("modules", vm)?;
    modules.set_item("_guard", guard, vm)?;
    modules.set_item("_native", natives::install(vm)?, vm)?;
    modules.set_item("_reach", module(vm, "_reach", REACH)?, vm)?;
    modules.set_item("_corrections", module(vm, "_corrections", CORRECTIONS)?, vm)?;
    let bootstrap = module(vm, "_bootstrap", BOOTSTRAP)?;
    let own = json!({"os": ["os", OS], "io": ["io", IO], "events": ["events", EVENTS],
        "importlib": ["importlib", IMPORTLIB], "importlib.machinery": ["importlib.machinery", IMPORTLIB],
        "linecache": ["linecache", LINECACHE]});
    let spare = json!({"panther_base_helpers": ["panther_base_helpers", BASE_HELPERS],
        "panther_event_type_helpers": ["panther_event_type_helpers", EVENT_TYPES]});
    let (own, spare) = (own.to_string(), spare.to_string());
    let loads = vm.import("json", 0)?.get_attr("loads", vm)?;
    let (own, spare) = (loads.call((own,), vm)?, loads.call((spare,), vm)?);
    bootstrap.get_attr("prepare", vm)?.call((own, spare, ABSENT), vm)?;
    Ok(bootstrap)
}

fn module(vm: &VirtualMachine, name: &str, source: &str) -> PyResult<PyObjectRef> {
    let code =
        vm.compile(source, Mode::Exec, name.to_owned()).map_err(|error| vm.new_syntax_error(&error, Some(source)))?;
    let module = vm.new_module(name, vm.ctx.new_dict(), None);
    let scope = rustpython_vm::scope::Scope::with_builtins(None, module.dict(), vm);
    scope.globals.set_item("__name__", vm.ctx.new_str(name).into(), vm)?;
    vm.run_code_obj(code, scope)?;
    Ok(module.into())
}

/// Returns the type and the message of a Python error.
fn text(vm: &VirtualMachine, error: &PyBaseExceptionRef) -> String {
    let message = error.as_object().str(vm).map(|text| text.to_string()).unwrap_or_default();
    format!("{}: {message}", error.class().name())
}

/// A running interpreter.
pub(crate) struct Python<'v> {
    vm: &'v VirtualMachine,
    bootstrap: PyObjectRef,
}

impl Python<'_> {
    /// Reads a load request, and returns the paths of the models' Python files.
    pub(crate) fn begin(&self, request: &str) -> Result<Vec<String>, String> {
        let paths = self.ask("begin", (request.to_owned(),))?;
        serde_json::from_str(&paths).map_err(|error| error.to_string())
    }

    /// Loads the Python file of the model with this index in the request.
    pub(crate) fn load(&self, model: usize) -> Result<String, String> {
        self.ask("load", (model,))
    }

    /// Returns the faults of all files that were loaded, as JSON.
    pub(crate) fn faults(&self) -> Result<String, String> {
        self.ask("all_faults", ())
    }

    fn ask(&self, function: &str, arguments: impl IntoFuncArgs) -> Result<String, String> {
        let name = self.vm.ctx.new_str(function);
        let ask = || self.bootstrap.get_attr(&name, self.vm)?.call(arguments, self.vm)?.try_into_value(self.vm);
        ask().map_err(|error| text(self.vm, &error))
    }

    /// Calls a method of a model, and returns its result as JSON. `None` as the event means the event of the previous
    /// call.
    pub(crate) fn call(&self, model: usize, method: &str, event: Option<&str>) -> Result<String, String> {
        let call = || -> PyResult<String> {
            let arguments = (model, method.to_owned(), event.map(str::to_owned));
            self.bootstrap.get_attr("call", self.vm)?.call(arguments, self.vm)?.try_into_value(self.vm)
        };
        let answer = call().map_err(|error| text(self.vm, &error))?;
        match answer.strip_prefix('+') {
            Some(result) => Ok(result.to_owned()),
            None => Err(answer.get(1..).unwrap_or_default().to_owned()),
        }
    }
}
