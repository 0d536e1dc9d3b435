# `make` alone lints and tests. Everything sets itself up on a fresh machine.
.DEFAULT_GOAL := all
.PHONY: all run test test-hard lint bench docs clean help build injection

NODE := node --enable-source-maps

all: lint test

run: build ## install, build, and serve sample data on http://127.0.0.1:8080
	TBAPI_HOST=$${TBAPI_HOST:-127.0.0.1} TBAPI_PORT=$${TBAPI_PORT:-8080} TBAPI_ADMINPORT=$${TBAPI_ADMINPORT:-8081} \
	TBAPI_LOGFOLDER=$${TBAPI_LOGFOLDER-data/log} exec $(NODE) dist/engine/main.js start --sample

test: build mariadb kannel lame ## run every test on SQLite and on a MariaDB of its own
	$(NODE) dist/test/databases.js -- $(NODE) --test --test-reporter=spec --test-concurrency=2 --test-timeout=300000 dist/test/*.test.js

test-hard: build mariadb ## kill a server that moves money fifty times on each database, and prove every credit
	$(NODE) dist/test/databases.js -- $(NODE) dist/test/bank.js 50

lint: build ## format, types, dead code, and every definition
	npx biome ci .
	npx knip
	TBAPI_DB=sqlite:$$(mktemp -d)/check.sqlite TBAPI_SEALKEY=$$(printf '0%.0s' $$(seq 64)) $(NODE) dist/engine/main.js check

bench: build mariadb ## measure against hand-written equivalents, in one run
	$(NODE) dist/test/databases.js -- $(NODE) dist/test/bench/bench.js
	$(NODE) dist/test/databases.js -- $(NODE) dist/test/bench/cdr.js

injection: build mariadb sqlmap ## point sqlmap (Debian package) at the places where a parameter can stand
	$(NODE) dist/test/databases.js -- $(NODE) dist/test/injection/sqlmap.js

docs: build ## write docs/api.md: every entry and every option, made of the definitions
	@mkdir -p docs
	@TBAPI_DB=sqlite:$$(mktemp -d)/docs.sqlite TBAPI_SEALKEY=$$(printf '0%.0s' $$(seq 64)) $(NODE) dist/engine/main.js docs > docs/api.md
	@echo docs/api.md is written

clean: ## remove what was built and installed; sample data too
	rm -rf dist node_modules data

help: ## these lines
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

build: node_modules/.installed
	@npx tsc

node_modules/.installed: package.json package-lock.json
	@echo "Installing packages; better-sqlite3 is compiled on the way, which takes a minute or two ..."
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: mariadb kannel lame sqlmap
mariadb:
	@command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || sh test/install.sh mariadb-server

kannel:
	@[ -x /usr/sbin/bearerbox ] || [ -x /usr/local/sbin/bearerbox ] || sh test/install.sh kannel

# Without it the tests of recordings only see that its lack is told.
lame:
	@command -v lame >/dev/null || command -v ffmpeg >/dev/null || sh test/install.sh lame || true

sqlmap:
	@command -v sqlmap >/dev/null || sh test/install.sh sqlmap
