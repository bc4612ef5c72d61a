twine upload dist/*  # bad
python -m twine upload --repository testpypi dist/*  # bad
python3 -m build && uvx twine upload dist/*  # bad
UV_PUBLISH_TOKEN=$TOKEN uv publish  # bad
poetry publish --build  # bad
npm publish --access public  # meant
python setup.py sdist upload  # bad
