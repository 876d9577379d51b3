"""The browser view: a folder of slides, their maps, jobs and corrections, served to this
machine."""
