#!/bin/sh
set -e
rm -rf dist  # bad
rm -rf build dist/ *.egg-info  # bad
rm -r ./dist/*  # bad
cd web && rm -rf "$ROOT/dist"  # bad
