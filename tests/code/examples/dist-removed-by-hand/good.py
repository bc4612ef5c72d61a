shutil.rmtree(tmp_path)  # good
shutil.rmtree("distances")  # good
(ROOT / "dist").mkdir(exist_ok=True)  # good
