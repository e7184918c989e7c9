//! The client over real HTTP, against a vendor that says what each test wants said.
