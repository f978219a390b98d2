# make study   set up .venv from the lock and run the whole study     (ARGS="--quick" for a short one)
# make test    set up .venv and run the tests
# make docs    write docs/api.md, and docs/results.md, docs/notebooks and figures/ from runs/study     (ARGS=FOLDER for another run)
# make lock    resolve requirements.lock anew (needs uv; nothing else does)
VENV ?= .venv
BIN  := $(VENV)/bin
# the first interpreter on this machine that the project supports; PYTHON=... overrides it
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)

.PHONY: study test docs lock clean

study: $(VENV)/.ready
	$(BIN)/fer study $(ARGS)

test: $(VENV)/.ready
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

$(VENV)/.ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found: install one, or name it: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

docs: $(VENV)/.ready
	$(BIN)/python -m fer_utils.study.api_page
	$(BIN)/python -m fer_utils.study.publish $(ARGS)

lock:
	uv pip compile --universal --generate-hashes --fork-strategy fewest --python-version 3.11 --extra test \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV)
